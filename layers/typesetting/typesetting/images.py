"""The images of a document: fetched, or taken from their `data:` URI, and truly decoded.

Only the workers call this; they alone carry Pillow.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, NoReturn
from xml.parsers import expat

from craftkit.network import FetchError, Network, Policy, fetch
from craftkit.observability import logger
from craftkit.templates.data import values_of
from craftkit.typesetter import Job

IMAGE_LIMIT_BYTES = 5 * 1024 * 1024
PIXEL_LIMIT = 40_000_000
DEADLINE_SECONDS = 10.0
"""For all images of a document together: to fetch them, and to begin to decode each."""

_REDIRECTS = 3
_AT_ONCE = 8
_SVG_DEPTH_LIMIT = 200
# A progressive JPEG has about ten. Each is decoded over the whole picture, and may have 60 bytes.
_SCAN_LIMIT = 64
_START_OF_SCAN = b"\xff\xda"

_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg)", re.IGNORECASE), "SVG"),
)
_INNER_REFERENCE = re.compile(r"\s*(#|data:image/(png|jpe?g|gif|webp);base64,|$)")
# Possessive, so that no run of spaces is gone through once for each of its lengths.
_STYLE_REFERENCE = re.compile(r"@import|url\(\s*+['\"]?+\s*+(?!#|data:image/(png|jpe?g|gif|webp))")


class ImageError(Exception):
    """There is no image there that a document may show. The message says why."""


@dataclass(frozen=True)
class Gathered:
    """The bytes by URL, and why there are none by path."""

    images: Mapping[str, bytes]
    faults: Mapping[str, str]


def with_images(job: Job, *, network: Network | None = None) -> Job:
    """The job with the bytes behind every image of its data that can be had.

    What one does without is the template's affair: its `picture` fails, or shows a placeholder.
    """
    found = gather(values_of("image", job.types, job.data), network=network)
    for path, fault in found.faults.items():
        logger.info("an image could not be had", extra={"path": path, "fault": fault})
    return replace(job, images={**job.images, **found.images})


def gather(
    images: Mapping[str, str], *, network: Network | None = None, seconds: float = DEADLINE_SECONDS
) -> Gathered:
    """The images behind URLs and `data:` URIs, by path as `data.image_values` gives them.

    Each URL is asked once, several at the same time, all within `seconds`.
    """
    network = network or Network()
    ends_at = network.monotonic() + seconds
    urls = list(dict.fromkeys(images.values()))

    def load(url: str) -> bytes | ImageError:
        try:
            return _load(url, network, ends_at - network.monotonic())
        except ImageError as error:
            return error

    def judge(content: bytes | ImageError) -> bytes | ImageError:
        if network.monotonic() > ends_at:
            return ImageError(f"the images of the document took longer than {seconds:g} seconds")
        return _judged(content)

    if any(not url.startswith("data:") for url in urls):
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            loaded = dict(zip(urls, pool.map(load, urls), strict=True))
    else:
        loaded = {url: load(url) for url in urls}
    # One after the other: a decoded picture takes many times the room of its file.
    judged = {url: judge(content) for url, content in loaded.items()}
    return Gathered(
        images={url: content for url, content in judged.items() if isinstance(content, bytes)},
        faults={
            path: str(fault)
            for path, url in images.items()
            if isinstance(fault := judged[url], ImageError)
        },
    )


def check(content: bytes) -> None:
    """Decode an image completely.

    Raises:
        ImageError: not a PNG, JPEG, GIF, WebP or SVG, broken, too large, or it points outside.
    """
    if len(content) > IMAGE_LIMIT_BYTES:
        raise ImageError(f"the image is larger than {IMAGE_LIMIT_BYTES // 1024 // 1024} MiB")
    kind = next((kind for magic, kind in _MAGIC if magic.match(content)), None)
    if kind is None:
        raise ImageError("the image is no PNG, JPEG, GIF, WebP or SVG")
    if kind == "SVG":
        _check_svg(content)
    else:
        _check_pixels(content, kind)


def _judged(content: bytes | ImageError) -> bytes | ImageError:
    if isinstance(content, ImageError):
        return content
    try:
        check(content)
    except ImageError as error:
        return error
    return content


def _load(url: str, network: Network, seconds: float) -> bytes:
    if url.startswith("data:"):
        try:
            return b64decode(url.partition(",")[2], validate=True)
        except Base64Error as error:
            raise ImageError("the data: URI is not proper base 64") from error
    policy = Policy(
        schemes=frozenset({"http", "https"}),
        max_bytes=IMAGE_LIMIT_BYTES,
        deadline_seconds=seconds,
        redirects=_REDIRECTS,
    )
    try:
        answer = fetch(url, policy, headers={"accept": "image/*"}, network=network)
    except FetchError as error:
        raise ImageError(str(error)) from error
    if answer.status != 200:
        raise ImageError(f"the host answered {answer.status}")
    return answer.body


def _check_pixels(content: bytes, kind: str) -> None:
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=[kind]) as picture:
            width, height = picture.size
            if width * height > PIXEL_LIMIT:
                raise ImageError(f"the image has more than {PIXEL_LIMIT // 1_000_000} megapixels")
            if kind == "JPEG" and content.count(_START_OF_SCAN) > _SCAN_LIMIT:
                raise ImageError(f"the image has more than {_SCAN_LIMIT} scans")
            picture.load()
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"the image has more than {PIXEL_LIMIT // 1_000_000} megapixels"
        ) from error
    except Exception as error:  # a decoder of hostile bytes raises what it likes
        raise ImageError(f"the image is no proper {kind}") from error


def _check_svg(content: bytes) -> None:
    """Well-formed, shallow, self-contained: no entity, nothing that points out of the file."""
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0
    text: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and name.rpartition(" ")[2] != "svg":
            raise ImageError("the image is no proper SVG")
        if depth > _SVG_DEPTH_LIMIT:
            raise ImageError("the SVG nests too deep")
        for attribute, value in attributes.items():
            is_reference = attribute.rpartition(" ")[2] in ("href", "src")
            if _STYLE_REFERENCE.search(value) or (
                is_reference and not _INNER_REFERENCE.match(value)
            ):
                _refuse_reference()

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1
        if _STYLE_REFERENCE.search("".join(text)):
            _refuse_reference()
        text.clear()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.EntityDeclHandler = _refuse_reference
    parser.ProcessingInstructionHandler = _refuse_reference
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ImageError("the image is no proper SVG") from error


def _refuse_reference(*_: Any) -> NoReturn:
    raise ImageError("the SVG refers to something outside of itself")
