"""Jobs to typeset, and the texts of Typst expressions."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from craftkit.typesetter import Job, SourceError
from typesetting import typeset

PRELUDE = '#import "/craftkit.typ": *\n'


@pytest.fixture
def job() -> Callable[..., Job]:
    """`job("= Title", data={…})`, with the prelude imported in the first line."""

    def make(source: str, data: Mapping[str, Any] | None = None, **changes: Any) -> Job:
        return Job(
            **{
                "source": PRELUDE + source,
                "data": data or {},
                "types": {},
                "locale": "en",
                "title": "A title",
                "created_at": datetime(2026, 11, 24, 10, 30, tzinfo=UTC),
                **changes,
            }
        )

    return make


@pytest.fixture
def text_of(job: Callable[..., Job]) -> Callable[..., str]:
    """The text that a Typst expression has in a job: `text_of("money(data.total)", {…})`."""

    def ask(expression: str, data: Mapping[str, Any] | None = None, **changes: Any) -> str:
        with pytest.raises(SourceError) as stopped:
            typeset(job(f"#panic({expression})", data, **changes))
        return str(stopped.value)

    return ask
