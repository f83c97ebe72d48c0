"""Documents of a folder's template, by Typst on this machine."""

from importlib.util import find_spec

from craftkit.errors import InvalidRequestError
from craftkit.typesetter import Document, PdfStandard, Preview
from craftkit_cli.authoring.folder import Json, Template

_NEEDED = {
    "typst": "typst",
    "pikepdf": "pikepdf",
    "PIL": "pillow",
    "zxingcpp": "zxing-cpp",
    "pypdfium2": "pypdfium2",
}
ACCESSIBLE: PdfStandard = "a-2a+ua-1"
TAGGED: PdfStandard = "1.7"
"""Tagged like every PDF here, and without a standard that could refuse it."""


def missing_packages() -> list[str]:
    """The packages that rendering on this machine needs and that are not installed."""
    return [package for module, package in _NEEDED.items() if find_spec(module) is None]


def require_local_typst() -> None:
    """Raises InvalidRequestError: Typst is not installed here; says how to install it."""
    if missing := missing_packages():
        raise InvalidRequestError(
            f"Rendering on this machine needs {', '.join(missing)}. Install the command with its "
            "extra: pipx install '.[authors]'."
        )


def typeset(template: Template, sent: Json, pdf_standard: PdfStandard | None = None) -> Document:
    """The document of a data set.

    Raises:
        InvalidInputDataError: the data does not fit the manifest.
        TypesettingError: the source does not compile, or the document breaks its PDF standard.
    """
    from typesetting import service
    from typesetting.files import with_images

    return service.typeset(with_images(template.job(sent, pdf_standard=pdf_standard)))


def draw(template: Template, sent: Json, pixels_per_inch: float = 96.0) -> Preview:
    """The pages of a data set. A breach of PDF/UA or PDF/A is a warning. Raises as `typeset`."""
    from typesetting import service
    from typesetting.files import with_images

    job = template.job(sent, pdf_standard=ACCESSIBLE)
    return service.preview(with_images(job), pixels_per_inch)
