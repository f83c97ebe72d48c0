"""Data sets made from a manifest: what callers will send and the preview data does not show.

Every value is a different one, so that a document can be searched for it. The same manifest and
seed give the same data sets.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from craftkit.templates import data
from craftkit.templates.models import Loop, Manifest, Variable
from craftkit.templates.values import value_type
from craftkit_cli.authoring.comparison import match

Json = dict[str, Any]
Style = Literal[
    "short", "plain", "long words", "long text", "right-to-left", "large", "largest", "negative",
    "zero", "markup",
]  # fmt: skip
LONG_LOOP = 60
_NUMBER_DIGITS, _AMOUNT_DIGITS = 12, 15
"""Whole digits that a `number` and a `currency` may have."""
_ITEMS = 3
_OPENING = (
    "ba",
    "co",
    "di",
    "fe",
    "gu",
    "ha",
    "jo",
    "ki",
    "lu",
    "me",
    "no",
    "pa",
    "ri",
    "so",
    "tu",
)
_VOWELS = "aeiou"
_ARABIC = ("كتاب", "مدرسة", "شركة", "مدينة", "طريق", "حديقة", "مكتب", "سيارة", "شمس", "قمر")
_HEBREW = ("ספר", "חברה", "עיר", "דרך", "משרד", "מכונית", "שמש", "ירח", "גינה", "בית")
_MARKUP = (
    "#panic()",
    "$x^2",
    "*bold",
    "_under",
    "<label>",
    "@reference",
    "= Heading",
    "[",
    "\\",
    "`",
)
_CURRENCIES = ("EUR", "USD", "GBP", "CHF")


@dataclass(frozen=True)
class DataSet:
    """Data as a caller would send it.

    Args:
        name: unique among the sets of a template.
        checks_layout: whether text may not lie on other text. Values at the limit of their type
            are exempt: no page has room for them everywhere.
    """

    name: str
    data: Json
    checks_layout: bool = True


def data_sets(
    manifest: Manifest,
    count: int,
    *,
    longest: Mapping[str, int],
    most_items: Mapping[str, int],
    seed: int = 1,
) -> list[DataSet]:
    """`count` data sets; the first is `everything`, with each field and three items a loop.

    Args:
        longest: the greatest length of texts, by path or pattern.
        most_items: the greatest number of items of loops, by path or pattern.
    """
    maker = _Maker(manifest, longest, most_items, Random(seed))  # noqa: S311 no secret
    found: list[DataSet] = []
    for each in _sets(maker, manifest):
        if len(found) == count:
            break
        found.append(each)
    return found


def _sets(maker: "_Maker", manifest: Manifest) -> Iterator[DataSet]:
    yield DataSet("everything", maker.data())
    yield DataSet("required fields only", maker.data(without=maker.optional, items=0))
    for loop in _loops(manifest.loops, ""):
        yield DataSet(f"{loop} empty", maker.data(counts={loop: 0}))
        yield DataSet(f"{loop} with one item", maker.data(counts={loop: 1}))
        most = maker.most(loop)
        yield DataSet(f"{loop} with {most} items", maker.data(counts={loop: most}))
    styles: tuple[Style, ...] = (
        "long words", "long text", "right-to-left", "large", "negative", "zero", "markup",
    )  # fmt: skip
    for style in styles:
        yield DataSet(style, maker.data(style))
    yield DataSet("largest", maker.data("largest"), checks_layout=False)
    yield DataSet("booleans false", maker.data(booleans=False))
    yield DataSet("right-to-left, required fields only", maker.data(
        "right-to-left", without=maker.optional))  # fmt: skip
    for path in sorted(maker.optional):
        yield DataSet(f"without {path}", maker.data(without={path}))
    for path in sorted(maker.optional):
        required = maker.optional - {path}
        yield DataSet(f"of the optional fields, only {path}", maker.data(without=required))
    number = 0
    while True:
        number += 1
        yield DataSet(f"mixed {number}", maker.mixed())


def _loops(loops: tuple[Loop, ...], prefix: str) -> Iterator[str]:
    for loop in loops:
        yield prefix + loop.key
        yield from _loops(loop.loops, f"{prefix}{loop.key}.")


class _Maker:
    """Makes data of one manifest; no two values of it are the same."""

    def __init__(
        self,
        manifest: Manifest,
        longest: Mapping[str, int],
        most_items: Mapping[str, int],
        random: Random,
    ) -> None:
        self._manifest, self._random = manifest, random
        self._longest, self._most_items = longest, most_items
        self._count = 0
        self.optional = frozenset(
            path for path, variable in data.variables(manifest) if not variable.required
        )

    def data(
        self,
        style: Style = "plain",
        *,
        without: frozenset[str] | set[str] = frozenset(),
        items: int = _ITEMS,
        counts: dict[str, int] | None = None,
        booleans: bool | None = None,
    ) -> Json:
        """Data with one style for all values, less the optional fields in `without`."""

        def value(variable: Variable, path: str) -> Any:
            if path in without:
                return None
            if variable.data_type == "boolean" and booleans is not None:
                return booleans
            return self._value(variable, path, style)

        return self._object(
            self._manifest.variables,
            self._manifest.loops,
            value,
            lambda path: min((counts or {}).get(path, items), self.most(path)),
        )

    def most(self, loop: str) -> int:
        """The greatest number of items of a loop."""
        return match(loop, self._most_items) or LONG_LOOP

    def mixed(self) -> Json:
        """Data in which each value has its own style, presence and length."""
        styles: tuple[Style, ...] = (
            "short", "plain", "plain", "plain", "long text", "right-to-left", "large", "negative",
        )  # fmt: skip

        def value(variable: Variable, path: str) -> Any:
            if path in self.optional and self._random.random() < 0.3:
                return None
            return self._value(variable, path, self._random.choice(styles))

        return self._object(
            self._manifest.variables,
            self._manifest.loops,
            value,
            lambda path: self._random.randint(0, min(self.most(path), 4 if "." in path else 10)),
        )

    def _object(
        self,
        variables: tuple[Variable, ...],
        loops: tuple[Loop, ...],
        value: Callable[[Variable, str], Any],
        count: Callable[[str], int],
        prefix: str = "",
    ) -> Json:
        made: Json = {}
        for variable in variables:
            *parents, name = variable.key.split(".")
            node = made
            for parent in parents:
                node = node.setdefault(parent, {})
            found = value(variable, prefix + variable.key)
            if found is not None:
                node[name] = found
        for loop in loops:
            path = prefix + loop.key
            made[loop.key] = [
                self._object(loop.variables, loop.loops, value, count, f"{path}.")
                for _ in range(count(path))
            ]
        return made

    def _value(self, variable: Variable, path: str, style: Style) -> Any:
        match variable.data_type:
            case "text" | "longtext" | "richtext":
                return self._text(variable, path, style)
            case "number":
                return self._number(style, _NUMBER_DIGITS)
            case "currency":
                return self._number(style, _AMOUNT_DIGITS)
            case "date":
                return self._date()
            case "datetime":
                return f"{self._date()}T10:30:00Z"
            case "boolean":
                return self._random.random() < 0.7
            case "email":
                return f"{self._word()}@{self._word()}.example"
            case "url":
                return f"https://{self._word()}.example/{self._word()}"
            case _:
                given = variable.preview_data
                return value_type(variable).example(self._next()) if given is None else given

    def _text(self, variable: Variable, path: str, style: Style) -> str:
        if variable.key == "currency":
            return self._random.choice(_CURRENCIES)
        text = self._styled(variable, style)
        longest = match(path, self._longest)
        return text if longest is None else text[:longest].strip()

    def _styled(self, variable: Variable, style: Style) -> str:
        shown_words = len(str(variable.preview_data or "").split())
        is_long = variable.data_type != "text"
        match style:
            case "short":
                return self._word()[:5]
            case "long words":
                return self._word() + "".join(self._random.choices(_OPENING, k=17))
            case "long text":
                # Three times what the author shows: an address stays an address.
                words = min(max(3 * shown_words, 12), 400) if is_long else min(
                    max(3 * shown_words, 6), 14)  # fmt: skip
                return " ".join(self._word() for _ in range(words))
            case "right-to-left":
                words_of = self._random.choice((_ARABIC, _HEBREW))
                return " ".join(self._random.sample(words_of, 2))
            case "markup":
                return f"{self._word()} {self._random.choice(_MARKUP)}"
        lines = 3 if is_long else 1
        return "\n".join(f"{self._word()} {self._word()}" for _ in range(lines)).capitalize()

    def _number(self, style: Style, whole_digits: int) -> str:
        cents = f"{self._next() % 100:02}"
        match style:
            case "large":
                # A quantity has four digits, an amount seven: their product has eleven.
                whole = 4 if whole_digits == _NUMBER_DIGITS else 7
                return f"{self._whole(whole)}.{cents}"
            case "largest":
                return f"{self._whole(whole_digits)}.{cents}"
            case "negative":
                return f"-{self._random.randint(10, 999)}.{cents}"
            case "zero":
                return "0"
        return f"{self._random.randint(10, 999)}.{cents}"

    def _whole(self, digits: int) -> int:
        return self._random.randint(10 ** (digits - 1), 10**digits - 1)

    def _date(self) -> str:
        at = self._next()
        return f"{2030 + at % 60}-{1 + at % 12:02}-{1 + at % 28:02}"

    def _word(self) -> str:
        """Six to eight letters, different at each call."""
        at = self._next()
        syllables: list[str] = []
        while at or len(syllables) < 2:
            at, index = divmod(at, len(_OPENING))
            syllables.append(_OPENING[index])
        return "".join(syllables) + self._random.choice(_VOWELS) + "n"

    def _next(self) -> int:
        self._count += 1
        return self._count
