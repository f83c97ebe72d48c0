"""Every refusal that a caller can meet: its stable code, its HTTP status, and what to do.

`docs/errors.md` is written from this tree. Handlers and use cases raise; only `http` answers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Issues:
    """What was wrong with an input. `field_errors` is keyed by dotted path (`items.3.qty`)."""

    form_errors: list[str] = field(default_factory=list)
    field_errors: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.form_errors or self.field_errors)

    def as_json(self) -> dict[str, object]:
        return {"formErrors": self.form_errors, "fieldErrors": self.field_errors}


class CraftkitError(Exception):
    """The root. A subclass says what happened; its instance may say it better.

    Args:
        message: for people; never echoes a secret or a value that was sent.
        issues: where an input was judged.
        headers: extra response headers, such as `Retry-After`.
    """

    code = "internal"
    status = 500
    message = "Something went wrong on our side. Try again; if it stays, send us the request id."

    def __init__(
        self,
        message: str | None = None,
        *,
        issues: Issues | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or self.message)
        self.issues = issues
        self.headers = dict(headers or {})

    def as_json(self, request_id: str) -> dict[str, object]:
        """The envelope that every refusal of the API wears."""
        error: dict[str, object] = {"code": self.code, "message": str(self)}
        if self.issues:
            error["issues"] = self.issues.as_json()
        error["requestId"] = request_id
        return {"error": error}


class InvalidInputError(CraftkitError):
    """What was sent cannot be read or does not fit."""

    status = 400


class InvalidJsonError(InvalidInputError):
    """The body is not JSON."""

    code = "invalid_json"
    message = "The request body is not valid JSON."


class InvalidRequestError(InvalidInputError):
    """The request does not fit its schema; unknown fields are refused too."""

    code = "invalid_request"
    message = "The request does not have the expected shape."


class InvalidInputDataError(InvalidInputError):
    """`data` does not fit the template's manifest."""

    code = "invalid_input_data"
    message = "`data` does not fit the template's manifest."


class InvalidCursorError(InvalidInputError):
    """The cursor is not one that this list gave out."""

    code = "invalid_cursor"
    message = "The cursor is not one of this list's. Start again without it."


class UnauthorizedError(CraftkitError):
    """The caller is not known."""

    status = 401

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class MissingAuthorizationError(UnauthorizedError):
    """There is no `Authorization: Bearer …` header."""

    code = "missing_authorization"
    message = "Send your project API key in the header: Authorization: Bearer ck_live_…"


class InvalidCredentialsError(UnauthorizedError):
    """The key is unknown, revoked, expired or of another environment, or embed is off."""

    code = "invalid_credentials"
    message = (
        "This API key is unknown or revoked in this environment. "
        "Create a key in this environment's dashboard."
    )


class InvalidSignatureError(UnauthorizedError):
    """A signature does not fit: of a hook's body, or of an embed session's token."""

    code = "invalid_signature"
    message = "The signature does not fit."


class SessionExpiredError(UnauthorizedError):
    """The embed session's token has expired."""

    code = "session_expired"
    message = "This session has expired. Refresh it, or open a new one."


class SessionRevokedError(UnauthorizedError):
    """The embed session was revoked, or the key that it was opened with."""

    code = "session_revoked"
    message = "This session was revoked. Open a new one."


class RefreshFailedError(UnauthorizedError):
    """The renew token was used before, is another project's, or too old."""

    code = "refresh_failed"
    message = "This renew token is used, expired or unknown. Open a new session."


class ForbiddenError(CraftkitError):
    """The caller is known, and may not do this."""

    status = 403


class InsufficientScopeError(ForbiddenError):
    """The key lacks the scope that the call needs, or may not use the template."""

    code = "insufficient_scope"
    message = "This API key may not do this."


class PartnerSuspendedError(ForbiddenError):
    """The project's embed partnership is suspended; renders outside of embed go on."""

    code = "partner_suspended"
    message = "The embed partnership of this project is suspended. Contact support."


class PermissionDeniedError(ForbiddenError):
    """The embed session's permissions do not hold what the call needs."""

    code = "permission_denied"
    message = "This session may not do this."


class WrongModeError(ForbiddenError):
    """The embed session was opened for something else."""

    code = "wrong_mode"
    message = "This session was opened for something else."


class OriginNotAllowedError(ForbiddenError):
    """The call comes from a page that may not make it."""

    code = "origin_not_allowed"
    message = "This origin may not use the embedded page."


class NotFoundError(CraftkitError):
    """There is no such thing in the caller's project; it may exist in another."""

    code = "not_found"
    status = 404
    message = "There is no such resource in this project."


class TemplateNotFoundError(NotFoundError):
    """No template of the project has this slug."""

    code = "template_not_found"
    message = "No template of this project has this slug."


class VersionNotFoundError(NotFoundError):
    """The template has no version of this number."""

    code = "version_not_found"
    message = "The template has no version of this number."


class CatalogNotFoundError(NotFoundError):
    """The project has no catalog of this name, or not this version of it."""

    code = "catalog_not_found"
    message = "There is no such catalog, or no such version of it, in this project."


class InvalidTokenError(NotFoundError):
    """No hook of this environment that is switched on has this token."""

    code = "invalid_token"
    message = "No inbound hook of this environment has this token."


class ConflictError(CraftkitError):
    """The call does not fit the present state."""

    code = "conflict"
    status = 409
    message = "Somebody else changed this meanwhile. Load it again."


class NoPublishedVersionError(ConflictError):
    """The template has never been published."""

    code = "no_published_version"
    message = "The template has no published version yet. Publish one first."


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used before with another body."""

    code = "idempotency_conflict"
    message = "This idempotency key was already used with a different request."


class NotReadyError(ConflictError):
    """The document is not there yet, or will never be."""

    code = "not_ready"
    message = "The render has no document. Poll it until its status is succeeded."


class NotCancellableError(ConflictError):
    """The render is no longer queued."""

    code = "not_cancellable"
    message = "Only a render that is still queued can be cancelled."


class KeyNotActiveError(ConflictError):
    """The API key is revoked or expired."""

    code = "key_not_active"
    message = "This API key is revoked or expired. Create a new one."


class RotationUnderWayError(ConflictError):
    """The API key is being rotated: both of its secrets are good."""

    code = "rotation_under_way"
    message = "This API key is being rotated already. End that rotation first, or replace it."


class NoRotationError(ConflictError):
    """The API key has one secret only."""

    code = "no_rotation"
    message = "This API key is not being rotated."


class UndoRefusedError(ConflictError):
    """The revocation stands: it is too old, or the key was exposed."""

    code = "undo_refused"
    message = "This revocation cannot be undone."


class PayloadTooLargeError(CraftkitError):
    """The body is over 1 MiB."""

    code = "payload_too_large"
    status = 413
    message = "The request body is larger than 1 MiB."


class UnsupportedMediaTypeError(CraftkitError):
    """The body is not sent as JSON."""

    code = "unsupported_media_type"
    status = 415
    message = "Send the body as Content-Type: application/json."


class TooManyRequestsError(CraftkitError):
    """A limit of the key or of its project is reached.

    Args:
        limit: what is allowed within one window.
        reset_seconds: until there is room again.
    """

    status = 429

    def __init__(self, message: str, *, limit: int, reset_seconds: int) -> None:
        headers = {
            "Retry-After": str(reset_seconds),
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(reset_seconds),
        }
        super().__init__(message, headers=headers)


class RateLimitedError(TooManyRequestsError):
    """More calls that write, in a short time, than the key or its project may make."""

    code = "rate_limited"
    message = "Too many calls at once. Wait, and send the request again."


class QuotaExceededError(TooManyRequestsError):
    """The day's or the month's renders of the key or of its project are used up."""

    code = "quota_exceeded"
    message = "The budget of renders is used up."


class QueueUnavailableError(CraftkitError):
    """The render could not be queued; nothing was kept of it."""

    code = "queue_unavailable"
    status = 503
    message = "The render could not be queued and was not kept. Send the request again."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "5"})


def every_error(root: type[CraftkitError] = CraftkitError) -> Iterator[type[CraftkitError]]:
    """The tree's errors that have a code of their own, for the documentation and its test."""
    if "code" in vars(root):
        yield root
    for child in root.__subclasses__():
        yield from every_error(child)
