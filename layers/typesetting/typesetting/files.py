"""Loads the files of a job: fonts from the bucket, images from their URL or `data:` URI.

Images are checked by size and first bytes only. The sandboxed child decodes them.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock

from craftkit.network import FetchError, Network, Policy, fetch
from craftkit.observability import logger
from craftkit.templates.data import values_of
from craftkit.templates.fonts import load_font
from craftkit.templates.image_types import IMAGE_LIMIT_BYTES, image_type
from craftkit.typesetter import Job

DEADLINE_SECONDS = 10.0
"""Time to fetch all images of one document."""

DOCUMENT_LIMIT_BYTES = 25 * 1024 * 1024
"""Total size of the images that one live document may fetch. It bounds the traffic of one call."""

TEST_LIMIT_BYTES = 8 * 1024 * 1024
"""The same for test renders and previews, which are free of charge."""

_REDIRECTS = 3
_CONCURRENT_FETCHES = 8


class ImageError(Exception):
    """The image cannot be used. The message gives the reason."""


@dataclass(frozen=True)
class FetchedImages:
    """The bytes by URL, and the reason for each missing image by the path of its value."""

    images: Mapping[str, bytes]
    faults: Mapping[str, str]


class _Budget:
    """The bytes that all fetches of one document may still receive. Thread-safe."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._left_bytes = limit_bytes
        self._lock = Lock()

    def take(self, size_bytes: int) -> None:
        with self._lock:
            self._left_bytes -= size_bytes
            if self._left_bytes <= 0:
                raise FetchError(
                    f"the images of the document exceed "
                    f"{self._limit_bytes // 1024 // 1024} MiB in total"
                )


def with_files(job: Job, *, network: Network | None = None) -> Job:
    """The job with the bytes of its images and fonts, ready for the typesetter."""
    fonts = {name: load_font(key) for name, key in job.font_files.items()}
    return with_images(replace(job, fonts={**job.fonts, **fonts}), network=network)


def with_images(job: Job, *, network: Network | None = None) -> Job:
    """The job with the bytes of each image of its data that could be fetched.

    For a missing image, the template's `picture` fails or shows a placeholder.
    """
    limit_bytes = DOCUMENT_LIMIT_BYTES if job.is_live else TEST_LIMIT_BYTES
    images = values_of("image", job.types, job.data)
    found = fetch_images(images, network=network, limit_bytes=limit_bytes)
    for path, fault in found.faults.items():
        logger.info("image not available", extra={"path": path, "fault": fault})
    return replace(job, images={**job.images, **found.images})


def fetch_images(
    images: Mapping[str, str],
    *,
    network: Network | None = None,
    seconds: float = DEADLINE_SECONDS,
    limit_bytes: int = DOCUMENT_LIMIT_BYTES,
) -> FetchedImages:
    """Fetch the images of a document.

    Each URL is requested once; up to eight requests run at the same time.

    Args:
        images: URL or `data:` URI by the path of its value, such as `items.3.photo`.
        seconds: for all requests together.
        limit_bytes: for all responses together.
    """
    network = network or Network()
    ends_at = network.monotonic() + seconds
    budget = _Budget(limit_bytes)
    urls = list(dict.fromkeys(images.values()))

    def load(url: str) -> bytes | ImageError:
        try:
            return _load(url, network, ends_at - network.monotonic(), budget.take)
        except ImageError as error:
            return error

    if any(not url.startswith("data:") for url in urls):
        with ThreadPoolExecutor(_CONCURRENT_FETCHES) as pool:
            loaded = dict(zip(urls, pool.map(load, urls), strict=True))
    else:
        loaded = {url: load(url) for url in urls}
    return FetchedImages(
        images={url: content for url, content in loaded.items() if isinstance(content, bytes)},
        faults={
            path: str(fault)
            for path, url in images.items()
            if isinstance(fault := loaded[url], ImageError)
        },
    )


def _load(url: str, network: Network, seconds: float, received: Callable[[int], None]) -> bytes:
    content = _decode(url) if url.startswith("data:") else _fetch(url, network, seconds, received)
    if len(content) > IMAGE_LIMIT_BYTES:
        raise ImageError(f"the image is larger than {IMAGE_LIMIT_BYTES // 1024 // 1024} MiB")
    if image_type(content) is None:
        raise ImageError("the image is not a PNG, JPEG, GIF, WebP or SVG file")
    return content


def _decode(uri: str) -> bytes:
    try:
        return b64decode(uri.partition(",")[2], validate=True)
    except Base64Error as error:
        raise ImageError("the data: URI is not valid base64") from error


def _fetch(url: str, network: Network, seconds: float, received: Callable[[int], None]) -> bytes:
    policy = Policy(
        schemes=frozenset({"http", "https"}),
        max_bytes=IMAGE_LIMIT_BYTES,
        deadline_seconds=seconds,
        redirects=_REDIRECTS,
        received=received,
    )
    try:
        received(0)  # raises before the request if the budget is used up
        answer = fetch(url, policy, headers={"accept": "image/*"}, network=network)
    except FetchError as error:
        raise ImageError(str(error)) from error
    if answer.status != 200:
        raise ImageError(f"the host returned status {answer.status}")
    return answer.body
