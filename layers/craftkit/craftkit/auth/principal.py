"""The caller, as the authorizer vouches for it to the route's function."""

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
"""What a key has unless its maker names scopes."""

SCOPES = (*DEFAULT_SCOPES, EMBED_EDIT, REQUESTS_READ)
"""What an API key can have."""

TOKEN_SCOPES = (*SCOPES, TEMPLATES_WRITE)
"""What a federated token can have. An API key never changes a template."""

LIMITED = ("key", "project")
"""What can have limits: the key itself, and its whole project."""


@dataclass(frozen=True)
class Principal:
    """An API key that was found good: whose it is and what it may do.

    `templates` are the slugs that the key may use; empty means every one of the project. `limited`
    says which of `LIMITED` must be asked before a write. It is both until somebody knows better,
    as the keys table does: so no limit is passed over, and a key without limits costs no call.
    """

    project_id: str
    key_id: str
    mode: Mode
    scopes: frozenset[str]
    templates: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset(LIMITED)

    def require(self, scope: str) -> None:
        """Refuse a key without `scope`.

        Raises:
            InsufficientScopeError: names the scope, and nothing of the project.
        """
        if scope not in self.scopes:
            raise InsufficientScopeError(f"This API key lacks the scope {scope}.")

    def require_template(self, slug: str) -> None:
        """Refuse a key that is confined to other templates, whether or not this one exists."""
        if self.templates and slug not in self.templates:
            raise InsufficientScopeError("This API key may not use this template.")

    def as_context(self) -> dict[str, str]:
        """What API Gateway carries from the authorizer to the route: flat strings only."""
        return {
            "projectId": self.project_id,
            "keyId": self.key_id,
            "mode": self.mode,
            "scopes": " ".join(sorted(self.scopes)),
            "templates": " ".join(sorted(self.templates)),
            "limited": " ".join(sorted(self.limited)),
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
        )
