"""Embed sessions in responses, which are snake_case."""

from pydantic import BaseModel, Field

from craftkit.clock import to_rfc3339
from craftkit.embed.sessions.service import OpenSession, embed_url


class SessionView(BaseModel):
    """The response when a session is created or refreshed. `renew_token` works once."""

    session_id: str
    session_token: str = Field(repr=False)
    iframe_url: str = Field(repr=False)
    expires_at: str
    renew_token: str = Field(repr=False)

    @classmethod
    def of(cls, opened: OpenSession) -> "SessionView":
        return cls(
            session_id=opened.session.id,
            session_token=opened.token,
            iframe_url=f"{embed_url()}/embed?session_token={opened.token}",
            expires_at=to_rfc3339(opened.session.expires_at),
            renew_token=opened.renew_token,
        )
