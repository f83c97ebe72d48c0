"""Decodes the images of the data completely before a template may show them.

Decoders of untrusted bytes run here, in the child, which has no credentials.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from typing import Any, NoReturn
from xml.parsers import expat

PIXEL_LIMIT = 40_000_000

_SVG_DEPTH_LIMIT = 200
# Typst's parser compares each attribute of an element with all others: quadratic time.
_SVG_ATTRIBUTE_LIMIT = 500
# A usual progressive JPEG has about ten scans. Each is decoded over the whole image, though it can
# be as short as 60 bytes.
_SCAN_LIMIT = 64
_START_OF_SCAN = b"\xff\xda"
_CACHE_SIZE = 512

_INNER_REFERENCE = re.compile(r"\s*(#|data:image/(png|jpe?g|gif|webp);base64,|$)")
# Possessive quantifiers: each run of spaces is matched once, not once for each of its lengths.
_STYLE_REFERENCE = re.compile(r"@import|url\(\s*+['\"]?+\s*+(?!#|data:image/(png|jpe?g|gif|webp))")


class ImageError(Exception):
    """The image is refused. The message gives the reason."""


class ImageChecker:
    """Checks images, and caches the results for images that repeat, such as a logo."""

    def __init__(self) -> None:
        self._faults: OrderedDict[bytes, str | None] = OrderedDict()

    def faults(self, images: Sequence[bytes], kinds: Sequence[str]) -> dict[int, str]:
        """The reason for each refused image, by its index."""
        pairs = zip(images, kinds, strict=True)
        found = enumerate(self._fault(content, kind) for content, kind in pairs)
        return {index: fault for index, fault in found if fault is not None}

    def _fault(self, content: bytes, kind: str) -> str | None:
        digest = sha256(content).digest()
        if digest not in self._faults:
            try:
                check(content, kind)
                self._faults[digest] = None
            except ImageError as error:
                self._faults[digest] = str(error)
            if len(self._faults) > _CACHE_SIZE:
                self._faults.popitem(last=False)
        self._faults.move_to_end(digest)
        return self._faults[digest]


def check(content: bytes, kind: str) -> None:
    """Decode an image completely.

    Args:
        kind: the type by the first bytes: PNG, JPEG, GIF, WEBP or SVG.

    Raises:
        ImageError: the image is damaged, too large, or refers to another file.
    """
    if kind == "SVG":
        _check_svg(content)
    else:
        _check_pixels(content, kind)


def _check_pixels(content: bytes, kind: str) -> None:
    from PIL import Image  # many documents have no image

    too_large = f"the image has more than {PIXEL_LIMIT // 1_000_000} megapixels"
    try:
        with Image.open(BytesIO(content), formats=[kind]) as image:
            width, height = image.size
            if width * height > PIXEL_LIMIT:
                raise ImageError(too_large)
            if kind == "JPEG" and content.count(_START_OF_SCAN) > _SCAN_LIMIT:
                raise ImageError(f"the image has more than {_SCAN_LIMIT} scans")
            image.load()
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(too_large) from error
    except Exception as error:  # decoders raise many types for damaged bytes
        raise ImageError(f"the image is not a valid {kind}") from error


def _check_svg(content: bytes) -> None:
    """Refuse an SVG that is not well-formed, nests too deeply, or refers to another file."""
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0
    text: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and name.rpartition(" ")[2] != "svg":
            raise ImageError("the image is not a valid SVG")
        if depth > _SVG_DEPTH_LIMIT:
            raise ImageError(f"the SVG nests deeper than {_SVG_DEPTH_LIMIT} elements")
        if len(attributes) > _SVG_ATTRIBUTE_LIMIT:
            raise ImageError(f"an SVG element has more than {_SVG_ATTRIBUTE_LIMIT} attributes")
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
    except (expat.ExpatError, UnicodeError, ValueError, LookupError) as error:
        raise ImageError("the image is not a valid SVG") from error


def _refuse_reference(*_: Any) -> NoReturn:
    raise ImageError("the SVG refers to another file or an entity")
