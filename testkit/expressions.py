"""Evaluates DynamoDB expressions on items of Python values, as far as the code uses them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Item = dict[str, Any]

_TOKENS = re.compile(
    r"\s*(?:(?P<word>[#:]?[A-Za-z_][\w.#]*)|(?P<sign><>|<=|>=|[=<>(),+-]))", re.ASCII
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_MISSING = object()


class _Reader:
    """A recursive descent over one expression."""

    def __init__(
        self, text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> None:
        self._tokens = self._split(text)
        self._item, self._names, self._values = item, names, values

    @staticmethod
    def _split(text: str) -> list[str]:
        found, position = [], 0
        while text[position:].strip():
            match = _TOKENS.match(text, position)
            if match is None:
                raise ValueError(f"cannot read {text[position:]!r}")
            found.append(match["word"] or match["sign"])
            position = match.end()
        return found

    def condition(self) -> bool:
        result = self._either()
        if self._tokens:
            raise ValueError(f"left over: {self._tokens}")
        return result

    def _either(self) -> bool:
        result = self._both()
        while self._take("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._negated()
        while self._take("AND"):
            result = self._negated() and result
        return result

    def _negated(self) -> bool:
        return not self._negated() if self._take("NOT") else self._single()

    def _single(self) -> bool:
        if self._take("("):
            result = self._either()
            self._expect(")")
            return result
        word = self._tokens[0]
        if word in ("attribute_exists", "attribute_not_exists"):
            self._tokens.pop(0)
            self._expect("(")
            is_there = self._operand() is not _MISSING
            self._expect(")")
            return is_there is (word == "attribute_exists")
        if word in ("begins_with", "contains"):
            self._tokens.pop(0)
            self._expect("(")
            whole = self._operand()
            self._expect(",")
            part = self._operand()
            self._expect(")")
            if whole is _MISSING:
                return False
            return whole.startswith(part) if word == "begins_with" else part in whole
        left = self._operand()
        if self._take("BETWEEN"):
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return left is not _MISSING and low <= left <= high
        if self._take("IN"):
            self._expect("(")
            options = [self._operand()]
            while self._take(","):
                options.append(self._operand())
            self._expect(")")
            return left in options
        sign = self._tokens.pop(0)
        right = self._operand()
        if left is _MISSING or right is _MISSING:
            return sign == "<>" and left is not right
        return _COMPARE[sign](left, right)

    def _operand(self) -> Any:
        word = self._tokens.pop(0)
        if word.startswith(":"):
            return self._values[word]
        if word == "size":
            self._expect("(")
            sized = self._operand()
            self._expect(")")
            return _MISSING if sized is _MISSING else len(sized)
        value: Any = self._item
        for part in self._path(word):
            if not isinstance(value, dict) or part not in value:
                return _MISSING
            value = value[part]
        return value

    def _path(self, word: str) -> list[str]:
        return [self._names[part] if part.startswith("#") else part for part in word.split(".")]

    def update(self) -> Item:
        """The item with the update applied. Values are read from the item before the update."""
        updated = {**self._item}
        while self._tokens:
            section = self._tokens.pop(0)
            while True:
                self._change(section, updated)
                if not self._take(","):
                    break
        return updated

    def _change(self, section: str, updated: Item) -> None:
        *above, last = self._path(self._tokens.pop(0))
        target = updated
        for part in above:
            target[part] = {**target[part]}
            target = target[part]
        if section == "SET":
            self._expect("=")
            target[last] = self._sum()
        elif section == "REMOVE":
            target.pop(last, None)
        elif section == "ADD":
            added = self._operand()
            present = target.get(last)
            if isinstance(added, set):
                target[last] = (present or set()) | added
            else:
                target[last] = (present or 0) + added
        else:
            raise ValueError(f"no section {section}")

    def _sum(self) -> Any:
        total = self._term()
        while self._tokens[:1] and self._tokens[0] in "+-":
            sign = self._tokens.pop(0)
            term = self._term()
            total = total + term if sign == "+" else total - term
        return total

    def _term(self) -> Any:
        if self._take("if_not_exists"):
            self._expect("(")
            present = self._operand()
            self._expect(",")
            otherwise = self._sum()
            self._expect(")")
            return otherwise if present is _MISSING else present
        if self._take("list_append"):
            self._expect("(")
            head = self._term()
            self._expect(",")
            tail = self._term()
            self._expect(")")
            return [*head, *tail]
        value = self._operand()
        if value is _MISSING:
            raise ValueError("an update reads what is not there")
        return value

    def _take(self, word: str) -> bool:
        if self._tokens[:1] == [word]:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise ValueError(f"{word} is missing before {self._tokens}")


def holds(text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
    """Whether a ConditionExpression holds for an item; an empty item does not exist."""
    return _Reader(text, item, names, values).condition()


def updated(text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> Item:
    """A copy of the item after an UpdateExpression."""
    return _Reader(text, item, names, values).update()


def meets(condition: Any, item: Item) -> bool:
    """Whether an item meets a condition of `boto3.dynamodb.conditions`."""
    said = condition.get_expression()
    operator, operands = said["operator"], said["values"]
    if operator == "AND":
        return all(meets(each, item) for each in operands)
    if operator == "OR":
        return any(meets(each, item) for each in operands)
    if operator == "NOT":
        return not meets(operands[0], item)
    value = item.get(operands[0].name, _MISSING)
    if value is _MISSING:
        return False
    if operator == "begins_with":
        return bool(value.startswith(operands[1]))
    if operator == "BETWEEN":
        return bool(operands[1] <= value <= operands[2])
    if operator == "IN":
        return value in operands[1]
    return _COMPARE[operator](value, operands[1])
