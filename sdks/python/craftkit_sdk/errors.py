"""Errors that the client raises. `code` and `request_id` are those of the API's envelope."""

from collections.abc import Mapping
from typing import Any


class CraftkitError(Exception):
    """The base class of every error of this package."""


class ConnectionFailedError(CraftkitError):
    """The API did not respond, after every retry."""


class WaitTimeoutError(CraftkitError):
    """The render has not ended in time. It continues: wait again, or read it later."""


class ApiError(CraftkitError):
    """The API refused the request.

    Attributes:
        code: stable, such as `invalid_input_data`; see https://docs.craftkit.dev/errors.html.
        status: the HTTP status.
        request_id: send it when you contact support.
        doc_url: the code's section of the documentation.
        field_errors: messages by dotted path of the field.
        form_errors: messages about the input as a whole.
        retry_after: seconds to wait, if the response has `Retry-After`.
    """

    def __init__(
        self, status: int, error: Mapping[str, Any], request_id: str, retry_after: float | None
    ) -> None:
        self.status = status
        self.code = str(error.get("code", "unknown"))
        self.message = str(error.get("message", f"The API answered with status {status}."))
        self.request_id = str(error.get("requestId") or request_id)
        self.doc_url = error.get("docUrl")
        issues = error.get("issues") or {}
        self.field_errors: dict[str, list[str]] = dict(issues.get("fieldErrors") or {})
        self.form_errors: list[str] = list(issues.get("formErrors") or [])
        self.retry_after = retry_after
        self.error = dict(error)
        details = [f"{path}: {'; '.join(texts)}" for path, texts in self.field_errors.items()]
        listed = f" ({', '.join([*self.form_errors, *details])})" if details else ""
        super().__init__(f"{self.code}: {self.message}{listed} [requestId {self.request_id}]")


class InvalidRequestError(ApiError):
    """400, 405, 413, 415: the request itself is wrong."""


class AuthenticationError(ApiError):
    """401: the key is missing, unknown, revoked, expired or from another environment."""


class PermissionDeniedError(ApiError):
    """403: the key may not do this."""


class NotFoundError(ApiError):
    """404: the project has no such resource."""


class ConflictError(ApiError):
    """409: the request conflicts with the resource's state."""


class RateLimitedError(ApiError):
    """429: too many requests, or the quota is used up."""


class ServerError(ApiError):
    """5xx: the API failed, after every retry."""


class BatchFailedError(CraftkitError):
    """The batch has no result: it was refused or cancelled, no document succeeded, or its output is
    files.

    Attributes:
        batch: the batch, as the API shows it.
    """

    def __init__(self, batch: Mapping[str, Any]) -> None:
        self.batch = dict(batch)
        reason = batch.get("errorMessage") or "It has no result."
        super().__init__(f"Batch {batch.get('id')} {batch.get('status')}: {reason}")


class RenderFailedError(CraftkitError):
    """The render failed or was cancelled.

    Attributes:
        render: the render, as the API shows it.
        code: its `errorCode`, such as `template_error`; `cancelled` for a cancelled one.
        request_id: of the request that reported it.
    """

    def __init__(self, render: Mapping[str, Any], request_id: str) -> None:
        self.render = dict(render)
        self.code = str(render.get("errorCode") or render.get("status"))
        self.request_id = request_id
        reason = render.get("errorMessage") or "It has no document."
        super().__init__(f"Render {render.get('id')} {render.get('status')}: {reason}")


_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}


def error_of(
    status: int, error: Mapping[str, Any], request_id: str, retry_after: float | None
) -> CraftkitError:
    """The error for a response with this status and this `error` object."""
    if error.get("code") == "render_failed" and isinstance(error.get("render"), dict):
        return RenderFailedError(error["render"], str(error.get("requestId") or request_id))
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequestError)
    return kind(status, error, request_id, retry_after)
