"""The description of one route."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from craftkit.errors import CraftkitError

Kind = type[BaseModel]


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Args:
        function: the folder in `functions/` that answers.
        operation: the operation's id, where it is not the function's name.
        scope: what the key must hold; a route without one is public, unless it `needs_key`.
        needs_key: any key may call it, whatever its scopes.
        form: the model of a body that is a form. Such a route answers errors as OAuth does.
        answers: by status, the model of the body; None without a body or a model.
        errors: what this route can refuse beyond what its shape implies (see `every_error`).
        headers: request headers that mean something here, with their description.
        documents: 200 can be a document, in one of the formats' media types.
        file: what the body is, where it is a file and no JSON.
        media_type: of a 200 that is a file, such as `text/xml`.
    """

    method: str
    path: str
    function: str
    summary: str
    answers: Mapping[int, Kind | None]
    scope: str | None = None
    query: Kind | None = None
    body: Kind | None = None
    form: Kind | None = None
    errors: tuple[type[CraftkitError], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    operation: str = ""
    needs_key: bool = False
    documents: bool = False
    media_type: str = ""
    file: str = ""

    @property
    def tag(self) -> str:
        """The group of routes that it belongs to, one of `TAGS`."""
        words = self.path.split("/")
        if words[-1] == "render":
            return "renders"
        is_resource = len(words) > 2 and words[1] == "v1" and words[2] != "openapi.json"
        return words[2] if is_resource else "about"
