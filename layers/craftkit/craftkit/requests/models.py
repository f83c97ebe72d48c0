"""Models of the request log: its query, and a request as callers see it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from craftkit.schema import ApiModel, Matches, Time


class RequestList(ApiModel):
    """The query of `GET /v1/requests`."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None
    status: (
        Annotated[
            str,
            Matches(r"[1-5](\d\d|xx)", "Must be a status such as 404, or a class such as 4xx"),
            Field(description="A status such as 404, or a class of them such as 4xx."),
        ]
        | None
    ) = None
    route: (
        Annotated[
            str,
            StringConstraints(max_length=200),
            Field(description="The route's path, such as /v1/renders/{id}."),
        ]
        | None
    ) = None
    request_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    from_: Annotated[
        Time | None,
        Field(alias="from", description="Requests of this time or later."),
    ] = None
    to: Annotated[Time | None, Field(description="Requests before this time.")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ and self.to and self.to <= self.from_:
            raise PydanticCustomError("order", "`to` must be later than `from`")
        return self


class LoggedRequest(BaseModel):
    """A row of the log. `reason` says which cause of `code` it was, where a code has several."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    at: datetime
    method: str
    route: str
    status: int
    code: str | None = None
    reason: str | None = None
    key_id: str
    address: str
    duration_ms: int
    client: str | None = None
    body: str | None = None


class RequestView(ApiModel):
    """A request of the log. `code` and `fix` are null where it was not refused.

    `address` is the /24 or /48 of the caller's address. `client` is a name derived from
    `User-Agent`.
    """

    request_id: str
    at: datetime
    method: str
    route: str
    status: int
    code: str | None
    key_id: str
    address: str
    duration_ms: int
    client: str | None
    fix: str | None


class RequestPage(ApiModel):
    requests: list[RequestView]
    next_cursor: str | None


class ProjectRequestView(RequestView):
    """A request of the log in the dashboard, with the shape of its body."""

    body: str | None
