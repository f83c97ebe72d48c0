"""Trust rules and the tokens issued under them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from craftkit.auth.principal import DEFAULT_SCOPES, TOKEN_SCOPES, Mode
from craftkit.keys.models import TEMPLATES_LIMIT, Name, Slug
from craftkit.trust import patterns

SHORTEST_LIFE = timedelta(minutes=1)
LONGEST_LIFE = timedelta(minutes=15)
RULES_LIMIT = 50
"""Of one project; an exchange reads all of them."""

CLAIMS_LIMIT = 20
_TEXT = 500

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=_TEXT)]
Status = Literal["active", "ended"]
Jwk = dict[str, Any]
"""A public key in the form of RFC 7517."""


class NewTrustRule(BaseModel):
    """A request for a trust rule.

    `claims` maps further claim names to patterns. `scopes` may include `templates:write`, which no
    API key may have; the default is the default scopes of an API key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    issuer: Annotated[str, StringConstraints(max_length=_TEXT)]
    audience: Annotated[str, StringConstraints(min_length=1, max_length=_TEXT)]
    subject: Pattern
    claims: Annotated[dict[str, Pattern], Field(max_length=CLAIMS_LIMIT)] = {}
    mode: Mode
    scopes: tuple[str, ...] = Field((), validate_default=True)
    templates: Annotated[tuple[Slug, ...], Field(max_length=TEMPLATES_LIMIT)] = ()
    life: timedelta = LONGEST_LIFE

    @field_validator("issuer")
    @classmethod
    def _issuer_is_a_url(cls, issuer: str) -> str:
        try:
            parts = urlsplit(issuer)
            is_plain = bool(parts.hostname) and not (
                parts.query or parts.fragment or parts.username or parts.password
            )
        except ValueError:
            is_plain = False
        if not is_plain or parts.scheme not in ("https", "http"):
            raise ValueError("The issuer must be a URL such as https://token.actions.example.com.")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _scopes_are_known(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if any(scope not in TOKEN_SCOPES for scope in scopes):
            raise ValueError(f"Each scope must be one of {', '.join(TOKEN_SCOPES)}.")
        wanted = scopes or DEFAULT_SCOPES
        return tuple(scope for scope in TOKEN_SCOPES if scope in wanted)

    @field_validator("templates")
    @classmethod
    def _templates_are_unique(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(templates)))

    @field_validator("life")
    @classmethod
    def _life_is_short(cls, life: timedelta) -> timedelta:
        if not SHORTEST_LIFE <= life <= LONGEST_LIFE:
            raise ValueError("The life of a token is between 1 and 15 minutes.")
        return life

    @model_validator(mode="after")
    def _subject_is_narrow(self) -> Self:
        if problem := patterns.subject_problem(self.issuer, self.subject, self.claims):
            raise ValueError(problem)
        return self


class TrustRule(BaseModel):
    """Which tokens of which issuer a project accepts, and what they are exchanged for."""

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    name: str
    issuer: str
    audience: str
    subject: str
    claims: dict[str, str] = {}
    mode: Mode
    scopes: tuple[str, ...]
    templates: tuple[str, ...] = ()
    life: timedelta
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None

    @property
    def status(self) -> Status:
        return "active" if self.ended_at is None else "ended"

    def mismatches(self, claims: dict[str, Any]) -> list[str]:
        """Why verified claims do not match; empty when they do. One sentence for each claim."""
        found: list[str] = []
        if claims.get("iss") != self.issuer:
            found.append(f"iss: the rule requires {self.issuer}.")
        audiences = claims.get("aud")
        if self.audience not in (audiences if isinstance(audiences, list) else [audiences]):
            found.append(f"aud: the rule requires {self.audience}.")
        for name, pattern in {"sub": self.subject, **self.claims}.items():
            if name not in claims:
                found.append(f"{name}: the token has no such claim.")
            elif not patterns.matches_claim(pattern, claims[name]):
                found.append(f"{name}: the value does not match {pattern}.")
        return found


class IssuedToken(BaseModel):
    """The result of an exchange. `cleartext` is shown this once."""

    model_config = ConfigDict(frozen=True)

    key_id: str
    cleartext: str = Field(repr=False)
    is_bound: bool
    scopes: tuple[str, ...]
    expires_at: datetime
    expires_in_seconds: int


class RuleTrial(BaseModel):
    """Whether one rule accepts a pasted token, and why not."""

    rule_id: str
    name: str
    matches: bool
    reasons: list[str]


class TokenTrial(BaseModel):
    """The result that an exchange of a token would have. Nothing is issued, and the token is not
    marked as used.

    `problem` says why the token itself is invalid, independent of the rules.
    """

    rule_id: str | None
    problem: str | None
    rules: list[RuleTrial]


@dataclass(frozen=True)
class IssuerKeys:
    """An issuer's stored keys. `next_fetch_at` is when they may be fetched again."""

    issuer: str
    keys: tuple[Jwk, ...]
    fetched_at: datetime | None
    next_fetch_at: datetime

    def is_younger_than(self, age: timedelta, now: datetime) -> bool:
        """Whether the keys were fetched less than `age` ago; never, where they never were."""
        return self.fetched_at is not None and now - self.fetched_at < age

    def find(self, key_id: str | None) -> Jwk | None:
        """The key of an id; the only key there is, for a token that names none."""
        if key_id is None:
            return self.keys[0] if len(self.keys) == 1 else None
        return next((key for key in self.keys if key.get("kid") == key_id), None)
