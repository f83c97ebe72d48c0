"""The Craftkit client: `Craftkit` for threads, `AsyncCraftkit` for asyncio."""

from craftkit_sdk._async import AsyncBatch, AsyncCraftkit, AsyncRender
from craftkit_sdk._sync import Batch, Craftkit, Render
from craftkit_sdk.errors import (
    ApiError,
    AuthenticationError,
    BatchFailedError,
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
    "AsyncBatch",
    "AsyncCraftkit",
    "AsyncRender",
    "AuthenticationError",
    "Batch",
    "BatchFailedError",
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
