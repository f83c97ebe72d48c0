"""An entry of the audit, as it is read."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """Who did what to which thing, and when. Nothing in it is a secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, str] = {}
