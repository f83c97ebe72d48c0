"""`craftkit templates test`: every data set is typeset, and its document is checked."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from craftkit.errors import CraftkitError, InvalidInputDataError
from craftkit.typesetter import StandardError, TypesettingError
from craftkit_cli.authoring import renderer
from craftkit_cli.authoring.comparison import PageText, match, missing_values, shown_fields
from craftkit_cli.authoring.expected_pages import compare_pages
from craftkit_cli.authoring.folder import Json, Template
from craftkit_cli.authoring.generated import DataSet, data_sets
from craftkit_cli.authoring.pages import ReadPages, read_pages

_NAMED = 5
_NONE = re.compile(r"\bnone\b", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """What is wrong with the document of a data set.

    `check` is one of: data, compile, standard, warning, text, layout, pages, unused.
    """

    check: str
    message: str


@dataclass(frozen=True)
class Result:
    """One data set, its document's pages, and what is wrong with it."""

    data_set: DataSet
    failures: tuple[Failure, ...]
    page_count: int
    seconds: float


@dataclass
class Checker:
    """Checks the data sets of one template.

    Args:
        update: write the expected pages instead of comparing with them.
        pages_out: where pages that differ are written, with an image of the difference.
    """

    template: Template
    update: bool = False
    pages_out: Path | None = None
    _shown: frozenset[str] = field(default_factory=frozenset)
    _says_none: bool = False

    def run(self, count: int, seed: int = 1) -> Iterator[Result]:
        """The results: first the data sets of the folder, then `count` generated ones."""
        settings = self.template.settings.test
        generated = data_sets(
            self.template.manifest,
            count,
            longest=settings.longest,
            most_items=settings.most_items,
            seed=seed,
        )
        learned = self._learn(generated[0]) if generated else ()
        for name, sent in self.template.data_sets.items():
            yield self._check(DataSet(name, sent), is_of_folder=True)
        for each in generated:
            result = self._check(each)
            if each.name == generated[0].name:
                result = Result(
                    each, (*result.failures, *learned), result.page_count, result.seconds
                )
            yield result

    def _learn(self, everything: DataSet) -> tuple[Failure, ...]:
        """Which fields the template prints as text. A field that is nowhere in the source fails."""
        try:
            job = self.template.job(everything.data)
            read = read_pages(renderer.typeset(self.template, everything.data).pdf)
        except (TypesettingError, CraftkitError):
            return ()  # `_check` reports it
        text = PageText.of(read.texts)
        self._says_none = _NONE.search("\n".join(read.texts)) is not None
        shown, absent = shown_fields(self.template.manifest, job.data, text)
        patterns = dict.fromkeys(self.template.settings.test.silent, True)
        silent = frozenset(path for path in shown | absent if match(path, patterns))
        self._shown = shown - silent
        return tuple(
            Failure("unused", f"The source never uses {path}. Print it, or remove it.")
            for path in sorted(absent - silent - self._invoice_fields())
            if not re.search(rf"\b{re.escape(path.split('.')[-1])}\b", self.template.source)
        )

    def _invoice_fields(self) -> frozenset[str]:
        """The fields of the electronic invoice, which need not be on the page."""
        invoice = self.template.manifest.as_json().get("invoice") or {}
        return frozenset(invoice.get("map", {}).values())

    def _check(self, data_set: DataSet, *, is_of_folder: bool = False) -> Result:
        started = time.monotonic()
        failures: list[Failure] = []
        page_count = 0
        try:
            document = renderer.typeset(self.template, data_set.data)
        except InvalidInputDataError as error:
            found = (error.issues.field_errors if error.issues else {}) or {"": [str(error)]}
            failures += [
                Failure("data", f"{path}: {message}") for path, (message, *_) in found.items()
            ]
        except StandardError as error:
            failures.append(Failure("standard", _with_place(error)))
        except TypesettingError as error:
            failures.append(Failure("compile", _with_place(error)))
        else:
            page_count = document.page_count
            failures += [Failure("warning", each) for each in document.warnings]
            layout = self.template.settings.test.layout and data_set.checks_layout
            read = read_pages(document.pdf, find_collisions=layout)
            failures += self._text_failures(data_set.data, read)
            failures += _first("layout", read.collisions)
            if is_of_folder:
                failures += [
                    Failure("pages", each)
                    for each in compare_pages(
                        self.template,
                        data_set.name,
                        document.pdf,
                        update=self.update,
                        out=self.pages_out,
                    )
                ]
        return Result(data_set, tuple(failures), page_count, time.monotonic() - started)

    def _text_failures(self, sent: Json, read: ReadPages) -> Iterator[Failure]:
        validated = self.template.job(sent).data
        text = PageText.of(read.texts)
        printed_with = self.template.settings.test.printed_with
        missing = missing_values(self.template.manifest, validated, text, self._shown, printed_with)
        yield from _first("text", [f"{place} is not on the page." for place in missing])
        if not self._says_none and _NONE.search("\n".join(read.texts)):
            yield Failure("text", "The page says “none” where a value is absent.")


def _first(check: str, messages: list[str]) -> Iterator[Failure]:
    yield from (Failure(check, each) for each in messages[:_NAMED])
    if len(messages) > _NAMED:
        yield Failure(check, f"{len(messages) - _NAMED} more of this kind.")


def _with_place(error: TypesettingError) -> str:
    where = f"source.typ, line {error.line}, column {error.column or 1}: " if error.line else ""
    return where + str(error)
