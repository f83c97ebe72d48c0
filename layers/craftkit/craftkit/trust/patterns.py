"""Patterns of a trust rule, matched against a claim's whole value.

`*` matches any run of characters within one segment: it matches neither `:` nor `/`, so that
`repo:acme/*` cannot reach into another part of the subject. `**` matches any characters. Everything
else is literal and case-sensitive.
"""

import re
from collections.abc import Mapping

_PARTS = re.compile(r"\*\*|\*|[^*]+")
_LONGEST_VALUE = 2000

_SHARED_ISSUERS = {
    "https://token.actions.githubusercontent.com": (
        re.compile(r"repo:[^:/*]+/"),
        "`repo:OWNER/`",
    ),
    "https://gitlab.com": (re.compile(r"project_path:[^:/*]+/"), "`project_path:GROUP/`"),
    "https://accounts.google.com": (re.compile(r"[^*]+\Z"), "the whole numeric subject"),
}
"""Issuers whose tokens anybody can get. A pattern must name the tenant literally."""


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches the pattern.

    The positions that each part of the pattern can end at are kept as a set, so the time grows with
    the product of the lengths. A regular expression would try combinations without end.
    """
    if len(value) > _LONGEST_VALUE:
        return False
    ends = {0}
    for part in _PARTS.findall(pattern):
        if part == "**":
            ends = set(range(min(ends), len(value) + 1))
        elif part == "*":
            ends = _ends_within_segments(value, ends)
        else:
            ends = {end + len(part) for end in ends if value.startswith(part, end)}
        if not ends:
            return False
    return len(value) in ends


def matches_claim(pattern: str, value: object) -> bool:
    """Whether a claim matches: its text, or any element of a list.

    Booleans and numbers are compared in their JSON form (`true`, `42`). Objects never match.
    """
    values = value if isinstance(value, list) else [value]
    return any(
        (text := _text(element)) is not None and matches(pattern, text) for element in values
    )


def subject_problem(issuer: str, pattern: str, claims: Mapping[str, str]) -> str | None:
    """Why a rule is too wide for its issuer, or None where it is narrow enough.

    Args:
        claims: the patterns of further claims, by name.
    """
    if pattern.startswith("*"):
        return "The subject pattern must begin with literal text, such as `repo:acme/`."
    if shared := _SHARED_ISSUERS.get(issuer.rstrip("/")):
        prefix, required = shared
        if prefix.match(pattern) is None:
            return (
                f"Anybody can get a token of {issuer}: the subject pattern must begin with "
                f"{required}."
            )
        return None
    if "*" in pattern and all("*" in each for each in claims.values()):
        return (
            f"Others may get tokens of {issuer} too: a subject pattern with `*` needs a further "
            "claim without `*` that names your organization, such as organization_id=42. Or give "
            "the whole subject."
        )
    return None


def _text(value: object) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case _:
            return None


def _ends_within_segments(value: str, starts: set[int]) -> set[int]:
    """The positions that `*` can end at when it begins at any of `starts`, in one pass."""
    ends: set[int] = set()
    is_open = False
    for position in range(len(value) + 1):
        is_open = is_open or position in starts
        if is_open:
            ends.add(position)
        if position < len(value) and value[position] in ":/":
            is_open = False
    return ends
