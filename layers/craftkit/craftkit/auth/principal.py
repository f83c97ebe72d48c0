"""The authenticated caller: the context that the authorizer passes to the route's function."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from craftkit.errors import InsufficientScopeError

Mode = Literal["live", "test"]

RENDERS_WRITE = "renders:write"
RENDERS_READ = "renders:read"
TEMPLATES_READ = "templates:read"
EMBED_WRITE = "embed:write"
EMBED_EDIT = "embed:edit"
REQUESTS_READ = "requests:read"
TEMPLATES_WRITE = "templates:write"

DEFAULT_SCOPES = (RENDERS_WRITE, RENDERS_READ, TEMPLATES_READ, EMBED_WRITE)
"""The scopes of a key that is created without `scopes`."""

SCOPES = (*DEFAULT_SCOPES, EMBED_EDIT, REQUESTS_READ)
"""The scopes that an API key can have."""

TOKEN_SCOPES = (*SCOPES, TEMPLATES_WRITE)
"""The scopes that a federated token can have. An API key can never change a template."""

LIMITED = ("key", "project")
"""What can have limits: the key, and its project."""


@dataclass(frozen=True)
class Principal:
    """A verified API key: its project and its permissions.

    `templates` are the slugs that the key may use; empty means all of the project's templates.
    `limited` lists which of `LIMITED` have limits that a write must be charged to. The keys table
    sets it, so that a key without limits needs no call; by default it is both. `rule_id` is the
    trust rule that a token was issued under. Requests are logged under `log_id`.
    """

    project_id: str
    key_id: str
    mode: Mode
    scopes: frozenset[str]
    templates: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset(LIMITED)
    rule_id: str = ""

    @property
    def log_id(self) -> str:
        return self.rule_id or self.key_id

    def require(self, scope: str) -> None:
        """Refuse a key without `scope`.

        Raises:
            InsufficientScopeError: the message names the scope.
        """
        if scope not in self.scopes:
            raise InsufficientScopeError(f"This API key lacks the scope {scope}.")

    def require_template(self, slug: str) -> None:
        """Refuse a key that is restricted to other templates, whether or not this one exists.

        Raises:
            InsufficientScopeError: the key may not use this template.
        """
        if self.templates and slug not in self.templates:
            raise InsufficientScopeError("This API key may not use this template.")

    def as_context(self) -> dict[str, str]:
        """The authorizer context for API Gateway, which allows only flat strings."""
        return {
            "projectId": self.project_id,
            "keyId": self.key_id,
            "mode": self.mode,
            "scopes": " ".join(sorted(self.scopes)),
            "templates": " ".join(sorted(self.templates)),
            "limited": " ".join(sorted(self.limited)),
            **({"ruleId": self.rule_id} if self.rule_id else {}),
        }

    @classmethod
    def from_context(cls, context: Mapping[str, str]) -> "Principal":
        return cls(
            project_id=context["projectId"],
            key_id=context["keyId"],
            mode="live" if context["mode"] == "live" else "test",
            scopes=frozenset(context["scopes"].split()),
            templates=frozenset(context.get("templates", "").split()),
            limited=frozenset(context.get("limited", " ".join(LIMITED)).split()),
            rule_id=context.get("ruleId", ""),
        )
