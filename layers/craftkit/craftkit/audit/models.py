"""The model of an audit entry."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """Who did what to which target, and when. An entry holds no secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, str] = {}
