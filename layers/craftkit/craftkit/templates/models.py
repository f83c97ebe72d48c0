"""The models of templates: manifest, version, draft and font."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from json import dumps
from typing import Annotated, Any, Literal, NoReturn, Self, get_args

from pydantic import (
    Discriminator,
    FailFast,
    Field,
    StrictBool,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from craftkit.errors import InvalidRequestError, Issues
from craftkit.invoices.models import InvoiceMapping
from craftkit.issues import ISSUE_LIMIT, issues_of
from craftkit.schema import ApiModel, Matches
from craftkit.seals.models import SealSwitch
from craftkit.templates.locales import locale_fault
from craftkit.templates.manifest_checks import (
    LOOP_DEPTH_LIMIT,
    faults_of,
    format_fault,
    invoice_faults,
    key_faults,
)
from craftkit.typesetter import PdfStandard

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
SLUG_LIMIT = 120
NAME_LIMIT = 120
SOURCE_LIMIT_BYTES = 200 * 1024
MANIFEST_LIMIT_BYTES = 100 * 1024
RAW_MANIFEST_LIMIT_BYTES = 2 * MANIFEST_LIMIT_BYTES
"""Maximum size in a request, which can contain default values. They are not stored."""
_JOINT_RULE = "manifest"
"""The type of errors that `manifest_checks.faults_of` reports by their own paths."""

_SLUG = re.compile(SLUG_PATTERN.rstrip("$"))

# A segment never starts with a digit, so that an index in a path (`items.3.qty`) is always one.
_SEGMENT = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"
Key = Annotated[
    str,
    Matches(
        rf"{_SEGMENT}(\.{_SEGMENT}){{0,5}}",
        "Must be a name such as total or customer.name: letters, digits, _ and -, up to six parts "
        "with a dot between them, each starting with a letter or _",
    ),
]
LoopKey = Annotated[
    str,
    Matches(
        _SEGMENT,
        "Must be a name such as items: letters, digits, _ and -, starting with a letter or _",
    ),
]
Label = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Slug = Annotated[
    str,
    StringConstraints(max_length=SLUG_LIMIT),
    Matches(
        SLUG_PATTERN.strip("^$"),
        "Must be lower-case letters, digits and hyphens, such as delivery-note",
    ),
]

DataType = Literal[
    "text",
    "longtext",
    "richtext",
    "number",
    "currency",
    "date",
    "datetime",
    "boolean",
    "image",
    "url",
    "email",
    "qr",
    "barcode",
]


class Variable(ApiModel):
    """One value of the document (`customer.name`) or, in a loop, of each item (`qty`).

    `format` depends on the type: the symbology of a `qr` or `barcode` (required there), the
    ISO 4217 code of a `currency`, the style of a `date` or `datetime` (`short` … `full`).
    """

    key: Key
    label: Label
    data_type: DataType
    required: StrictBool = False
    format: str | None = None
    description: Annotated[str, StringConstraints(max_length=500)] | None = None
    preview_data: Any = None

    @model_validator(mode="after")
    def _format_fits(self) -> Self:
        fault = format_fault(self.data_type, self.format)
        if fault:
            _refuse(fault)
        return self


def _kind(value: Any) -> str:
    """Whether an entry of `itemFields` is a variable or, if it has `itemFields`, a loop."""
    if isinstance(value, dict):
        return "loop" if "itemFields" in value or "item_fields" in value else "variable"
    return "loop" if isinstance(value, Loop) else "variable"


class Loop(ApiModel):
    """A list of items, each with the same fields. A field that has `itemFields` is a nested loop.

    A loop is required by default; an empty list satisfies it.
    """

    key: LoopKey
    label: Label
    item_fields: Annotated[
        tuple[
            Annotated[
                Annotated[Variable, Tag("variable")] | Annotated["Loop", Tag("loop")],
                Discriminator(_kind),
            ],
            ...,
        ],
        Field(min_length=1, max_length=100),
        FailFast(),
    ]
    required: StrictBool = True
    description: Annotated[str, StringConstraints(max_length=500)] | None = None
    preview_data: Annotated[list[dict[str, Any]], FailFast()] | None = None

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(part for part in self.item_fields if isinstance(part, Variable))

    @property
    def loops(self) -> tuple["Loop", ...]:
        return tuple(part for part in self.item_fields if isinstance(part, Loop))

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        _require_distinct([part.key for part in self.item_fields])
        return self


class Manifest(ApiModel):
    """The data that a template takes: variables by dotted key, and loops of items.

    `invoice` says how this data becomes an electronic invoice. `seal` says that documents are
    sealed, unless a request says otherwise.
    """

    variables: Annotated[tuple[Variable, ...], Field(max_length=300)] = ()
    loops: Annotated[tuple[Loop, ...], Field(max_length=30)] = ()
    invoice: InvoiceMapping | None = None
    seal: SealSwitch | None = None

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        _require_distinct(
            [*(part.key for part in self.variables), *(loop.key for loop in self.loops)]
        )
        if any(_loop_depth(loop) > LOOP_DEPTH_LIMIT for loop in self.loops):
            _refuse(f"Loops can be nested at most {LOOP_DEPTH_LIMIT} levels deep")
        if self.invoice:
            for _, fault in invoice_faults(self.model_dump(mode="json", by_alias=True)):
                _refuse(fault)
        return self

    @cached_property
    def canonical(self) -> str:
        """The manifest as JSON in canonical form, which is stored."""
        return self.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True)


def read_manifest(value: object) -> Manifest:
    """A manifest from parsed JSON.

    Raises:
        InvalidRequestError: every fault at once, by path (`loops.0.itemFields.1.dataType`).
    """
    if isinstance(value, Manifest):
        return value
    if len(dumps(value, default=str)) > RAW_MANIFEST_LIMIT_BYTES:
        raise _too_large("manifest", MANIFEST_LIMIT_BYTES)
    try:
        return Manifest.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        issues = issues_of(error, without={_JOINT_RULE})
        for path, message in islice(faults_of(value), ISSUE_LIMIT):
            issues.field_errors.setdefault(path, []).append(message)
        # A list whose entries are all invalid also counts as empty.
        for path in [path for path in issues.field_errors if path.endswith("itemFields")]:
            if any(other.startswith(f"{path}.") for other in issues.field_errors):
                del issues.field_errors[path]
        message = "The manifest is not valid. The issues name each invalid value by its path."
        raise InvalidRequestError(message, issues=issues) from error


@dataclass(frozen=True)
class Template:
    """A template of a project. `latest_version` is None until it is published once.

    `latest_version` is the version that renders use. `last_number` is the highest version number,
    published or not; None in rows that were written before there were unpublished versions.
    """

    project_id: str
    slug: str
    name: str
    latest_version: int | None
    created_at: datetime
    updated_at: datetime
    last_number: int | None = None

    @property
    def highest_number(self) -> int:
        return self.last_number or self.latest_version or 0


@dataclass(frozen=True)
class VersionSummary:
    """The part of a version that lists show."""

    slug: str
    number: int
    name: str
    pdf_standard: PdfStandard
    locale: str
    published_at: datetime
    by: str


@dataclass(frozen=True)
class TemplateVersion(VersionSummary):
    """A version of a template, which never changes.

    `name` is the template's name at that time, and the title of the documents. `fonts` has the S3
    keys of the project's fonts that the source names, by name. `warnings` are the warnings of the
    preview data's document, for the response only: they are not stored.
    """

    manifest: Manifest
    source: str
    fonts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Font:
    """A font of a project. The S3 key contains a hash of the file, which is never overwritten."""

    name: str
    family: str
    weight: int
    style: str
    size_bytes: int
    key: str
    added_at: datetime
    by: str


LetterheadName = Annotated[
    str,
    Matches(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        "Must be a name of at most 64 letters, digits, dots, dashes and underscores, which begins "
        "with a letter or digit",
    ),
]


@dataclass(frozen=True)
class Letterhead:
    """A letterhead of a project. The S3 key contains a hash of the file, as a font's does.

    `faults` is what PDF/A forbids in it.
    """

    name: str
    page_count: int
    faults: tuple[str, ...]
    size_bytes: int
    key: str
    published_at: datetime
    by: str


@dataclass(frozen=True)
class Draft:
    """Work in progress on a template. The manifest can be invalid and the source may not compile.

    `revision` counts the saves, so that a save of another editor is detected.
    """

    slug: str
    name: str
    manifest: dict[str, Any]
    source: str | None
    pdf_standard: PdfStandard
    locale: str
    revision: int
    saved_at: datetime
    by: str


def is_slug(text: str) -> bool:
    """Whether the text is a valid slug. Other text is not looked up."""
    return len(text) <= SLUG_LIMIT and _SLUG.fullmatch(text) is not None


def require_publishable(slug: str, name: str, pdf_standard: str, locale: str) -> None:
    """Validate the slug, the name and the settings of a template.

    Raises:
        InvalidRequestError: with an issue for each invalid value.
    """
    issues = Issues()
    if not is_slug(slug):
        issues.field_errors["slug"] = [
            f"Lowercase letters, digits and hyphens, at most {SLUG_LIMIT}"
        ]
    if not 1 <= len(name.strip()) <= NAME_LIMIT or not name.isprintable():
        issues.field_errors["name"] = [f"1 to {NAME_LIMIT} printable characters"]
    if pdf_standard not in get_args(PdfStandard):
        issues.field_errors["pdfStandard"] = ["One of: " + ", ".join(get_args(PdfStandard))]
    if fault := locale_fault(locale):
        issues.field_errors["locale"] = [fault]
    if issues:
        raise InvalidRequestError(issues=issues)


def require_fitting_size(manifest: str, source: str) -> None:
    """Check that manifest and source fit into one DynamoDB item.

    Raises:
        InvalidRequestError: the message names the part that is too large.
    """
    parts = (("manifest", manifest, MANIFEST_LIMIT_BYTES), ("source", source, SOURCE_LIMIT_BYTES))
    for part, text, limit_bytes in parts:
        if len(text.encode(errors="replace")) > limit_bytes:
            raise _too_large(part, limit_bytes)


def _too_large(part: str, limit_bytes: int) -> InvalidRequestError:
    message = f"The {part} is larger than {limit_bytes // 1024} KiB."
    return InvalidRequestError(message, issues=Issues(field_errors={part: [message]}))


def _loop_depth(loop: Loop) -> int:
    return 1 + max(map(_loop_depth, loop.loops), default=0)


def _require_distinct(keys: Sequence[str]) -> None:
    """Refuse keys that are repeated, or are both a value and an object."""
    for _, message in key_faults(keys):
        _refuse(message)


def _refuse(message: str) -> NoReturn:
    raise PydanticCustomError(_JOINT_RULE, "{message}", {"message": message})
