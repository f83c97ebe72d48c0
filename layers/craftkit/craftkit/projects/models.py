"""A project, as it is kept and shown."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]

EmbedStatus = Literal["off", "enabled", "suspended"]
"""Whether the project is an embed partner, and whether the partnership is suspended."""


class Project(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    slug: str
    name: Name
    created_at: datetime
    created_by: str
