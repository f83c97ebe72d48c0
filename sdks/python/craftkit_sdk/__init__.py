"""The Craftkit client: `Craftkit` for threads, `AsyncCraftkit` for asyncio."""

from craftkit_sdk._async import AsyncCraftkit, AsyncRender
from craftkit_sdk._sync import Craftkit, Render
from craftkit_sdk.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    CraftkitError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RenderFailedError,
    ServerError,
    WaitTimeoutError,
)
from craftkit_sdk.webhooks import InvalidSignatureError

__all__ = [
    "ApiError",
    "AsyncCraftkit",
    "AsyncRender",
    "AuthenticationError",
    "ConflictError",
    "ConnectionFailedError",
    "Craftkit",
    "CraftkitError",
    "InvalidRequestError",
    "InvalidSignatureError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "Render",
    "RenderFailedError",
    "ServerError",
    "WaitTimeoutError",
]
