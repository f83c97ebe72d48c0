"""Checks the rows of a batch against its template, in groups of as many rows as a chunk has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from craftkit.batches.models import Batch, BatchItem, InvalidRow, Row
from craftkit.errors import InvalidInputError, InvalidRequestError, Issues
from craftkit.renders.files import ENDINGS, MEDIA_TYPES, endings_of
from craftkit.schema import validate_request
from craftkit.templates.data import validate_data
from craftkit.templates.misspellings import warnings_of_names
from craftkit.templates.models import Manifest


@dataclass
class CheckedRows:
    """The rows that can be rendered, and those that do not fit the template."""

    rows: list[Row] = field(default_factory=list)
    invalid: list[InvalidRow] = field(default_factory=list)

    def add(self, batch: Batch, manifest: Manifest, number: int, item: BatchItem) -> None:
        """Check one item."""
        try:
            self.rows.append(_row_of(batch, manifest, number, item))
        except InvalidInputError as error:
            self.refuse(number, error, item.job_id)

    def add_json(
        self, batch: Batch, manifest: Manifest, number: int, value: Mapping[str, Any]
    ) -> None:
        """Check one item of an uploaded file, also for its own fields."""
        try:
            item = validate_request(BatchItem, value)
        except InvalidInputError as error:
            self.refuse(number, error, None)
        else:
            self.add(batch, manifest, number, item)

    def refuse(self, number: int, error: InvalidInputError, job_id: str | None) -> None:
        issues = error.issues or Issues(form_errors=[str(error)])
        self.invalid.append(
            InvalidRow(
                row=number,
                job_id=job_id,
                form_errors=issues.form_errors,
                field_errors=issues.field_errors,
            )
        )


def _row_of(batch: Batch, manifest: Manifest, number: int, item: BatchItem) -> Row:
    endings = endings_of(batch.format)
    if item.filename and not item.filename.lower().endswith(endings):
        issue = f"Must end in {' or '.join(endings)} for the format {batch.format}"
        raise InvalidRequestError(issues=Issues(field_errors={"filename": [issue]}))
    ending = ENDINGS[MEDIA_TYPES[batch.format]][0]
    return Row(
        row=number,
        data=validate_data(manifest, item.data),
        job_id=item.job_id,
        filename=item.filename or f"{batch.template_slug}-{number:06d}{ending}",
        metadata=item.metadata,
        warnings=warnings_of_names(manifest, item.data),
    )
