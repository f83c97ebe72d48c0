"""Every error of the API: its stable code, its HTTP status, and its message.

`docs/errors.md` is written from these classes: a docstring says when the error occurs. Handlers
and use cases raise; only `http` turns an error into a response.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

DOCUMENTATION_URL = "https://docs.craftkit.dev/errors.html"
"""The published `docs/errors.md`. Each code is a heading of that page."""


@dataclass(frozen=True)
class Issues:
    """What is wrong with an input. `field_errors` is keyed by dotted path (`items.3.qty`)."""

    form_errors: list[str] = field(default_factory=list)
    field_errors: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.form_errors or self.field_errors)

    def as_json(self) -> dict[str, object]:
        return {"formErrors": self.form_errors, "fieldErrors": self.field_errors}


class CraftkitError(Exception):
    """The base class of all errors; raised itself, it is an unexpected internal error.

    Args:
        message: for the reader of the response; contains no secret and no value that was sent.
        issues: what is wrong with which field.
        details: further fields of the `error` object, such as the failed render.
        headers: extra response headers, such as `Retry-After`.
    """

    code = "internal"
    status = 500
    message = (
        "An error on our side stopped this request. Send it again; if it fails again, contact "
        "support with the requestId."
    )

    def __init__(
        self,
        message: str | None = None,
        *,
        issues: Issues | None = None,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or self.message)
        self.issues = issues
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def as_json(self, request_id: str) -> dict[str, object]:
        """The error envelope, the body of every error response."""
        error: dict[str, object] = {"code": self.code, "message": str(self)}
        if self.issues:
            error["issues"] = self.issues.as_json()
        error |= self.details
        error["docUrl"] = documentation_url(self.code)
        error["requestId"] = request_id
        return {"error": error}


class InvalidInputError(CraftkitError):
    """The input cannot be read or is not valid."""

    status = 400


class InvalidJsonError(InvalidInputError):
    """The request body is not valid JSON (RFC 8259) in UTF-8.

    The message says what is wrong at which line and column. Also refused: `NaN` and `Infinity`, a
    duplicate key, a number too large to represent, and half of a surrogate pair.

    Args:
        reason: what is wrong and where, as a sentence.
        message: replaces the whole message.
    """

    code = "invalid_json"
    message = "The request body is not valid JSON. Send one JSON object in UTF-8."

    def __init__(self, reason: str | None = None, *, message: str | None = None) -> None:
        if reason and not message:
            message = f"The request body is not valid JSON. {reason}"
        super().__init__(message)
        self.reason = reason


class InvalidRequestError(InvalidInputError):
    """A field or parameter is missing, unknown or has an invalid value.

    `issues.fieldErrors` names each one by its path. Unknown fields are refused, so that a typing
    error cannot pass unnoticed.
    """

    code = "invalid_request"
    message = (
        "The request has missing, unknown or invalid fields. `issues` names each field and what "
        "it must be."
    )


class InvalidInputDataError(InvalidInputError):
    """`data` does not fit the template's manifest. `issues.fieldErrors` names each field."""

    code = "invalid_input_data"
    message = (
        "`data` does not fit the template's manifest. `issues` names each field and what it must "
        "be."
    )


class InvalidInvoiceError(InvalidInputError):
    """The data makes no valid electronic invoice.

    `issues.fieldErrors` names each field of the data with the rule that it breaks, such as
    `items.2.vatRate: BR-S-05 …`. Rules are those of EN 16931 (`BR-…`), XRechnung (`BR-DE-…`) and
    Peppol (`PEPPOL-…`). Correct the data, or send `options.invoice: false` to render the document
    without an electronic invoice.
    """

    code = "invalid_invoice"
    message = (
        "The data makes no valid electronic invoice. `issues` names each field and the rule that "
        "it breaks."
    )


class UnreadableDocumentError(InvalidInputError):
    """The body is no PDF, is damaged or encrypted, or takes too much time or memory to read."""

    code = "unreadable_document"
    message = "The body cannot be read as a PDF. Send the bytes of one PDF document."


class InvalidCursorError(InvalidInputError):
    """`cursor` was not returned by this list with these filters, or is no longer valid."""

    code = "invalid_cursor"
    message = (
        "`cursor` is not valid for this list with these filters. Start again without `cursor`."
    )


class UnauthorizedError(CraftkitError):
    """The request is not authenticated."""

    status = 401

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class MissingAuthorizationError(UnauthorizedError):
    """The request has no `Authorization: Bearer …` header."""

    code = "missing_authorization"
    message = (
        "The request has no Authorization: Bearer … header. Send your project API key: "
        "Authorization: Bearer ck_live_… or ck_test_…"
    )


class InvalidCredentialsError(UnauthorizedError):
    """The API key is unknown, mistyped, revoked, expired or from another environment.

    Check that the header holds the whole key without quotes, and that it is an API key: a
    publishable key (`ck_pk_…`) opens embed sessions only. A key works in the environment where it
    was created and nowhere else. On `/v1/embed/*` this is also the answer while embed is not
    enabled for the key's project (Dashboard → Project → Embed → Overview). `craftkit keys diagnose`
    says which of these it is.

    A key that is bound to a public key (`"bound": true` in `GET /v1/me`) is sent as
    `Authorization: DPoP KEY`, with a new proof in the header `DPoP` for each request: signed with
    the private key of this public key, for this method and URL, at most 60 seconds old. A key that
    is not bound is sent as `Bearer`.
    """

    code = "invalid_credentials"
    message = (
        "This API key is unknown, revoked, expired or from another environment, or it is bound to "
        "a public key and the request has no valid DPoP proof. Send the whole key without quotes, "
        "starting with ck_live_ or ck_test_ (a ck_pk_ key is no API key), or create a "
        "key in this environment's dashboard."
    )


class InvalidSignatureError(UnauthorizedError):
    """The signature of an inbound hook's body, or of an embed session's token, is not valid."""

    code = "invalid_signature"
    message = (
        "The signature is not valid. Sign the raw request body with the current secret, and send "
        "the body unchanged."
    )


class SessionExpiredError(UnauthorizedError):
    """The embed session's token has expired."""

    code = "session_expired"
    message = "This embed session has expired. Refresh it with its renew token, or open a new one."


class SessionRevokedError(UnauthorizedError):
    """The embed session was revoked, or the key that opened it has ended."""

    code = "session_revoked"
    message = "This embed session was revoked. Open a new one."


class RefreshFailedError(UnauthorizedError):
    """The renew token was used before, has expired, or belongs to another project."""

    code = "refresh_failed"
    message = (
        "This renew token is used, expired or unknown. Each renew token works once; open a new "
        "session."
    )


class ForbiddenError(CraftkitError):
    """The caller is authenticated but may not do this."""

    status = 403


class InsufficientScopeError(ForbiddenError):
    """The API key lacks the scope that the call needs, or is restricted to other templates."""

    code = "insufficient_scope"
    message = "This API key lacks the scope for this call. Use a key that has it."


class NetworkNotAllowedError(ForbiddenError):
    """The key may be used from certain networks only, and the request came from another.

    The address is the one that the gateway saw, without its host part.
    """

    code = "network_not_allowed"
    message = (
        "This API key may not be used from this network. Call from one of its networks, or create "
        "a key that allows this one."
    )

    def __init__(self, network: str | None = None) -> None:
        super().__init__(
            f"This API key may not be used from {network}. Call from one of its networks, or "
            "create a key that allows this one."
            if network
            else None
        )


class PartnerSuspendedError(ForbiddenError):
    """The project's embed partnership is suspended. Renders outside of embed still work."""

    code = "partner_suspended"
    message = "This project's embed partnership is suspended. Contact support."


class PermissionDeniedError(ForbiddenError):
    """The embed session lacks the permission, or the firewall blocked the request."""

    code = "permission_denied"
    message = (
        "This embed session lacks the permission for this action. Open a session with that "
        "permission."
    )


class WrongModeError(ForbiddenError):
    """The embed session was opened in another mode than this action needs."""

    code = "wrong_mode"
    message = (
        "This embed session was opened in another mode than this action needs. Open a session in "
        "the right mode."
    )


class OriginNotAllowedError(ForbiddenError):
    """The request comes from a web page whose origin is not on the partner's list."""

    code = "origin_not_allowed"
    message = (
        "This origin may not use the embedded page. Add it to the allowed origins of the "
        "project's embed settings."
    )


class NotFoundError(CraftkitError):
    """The resource does not exist in the key's project, or the path is not a route of the API.

    A resource of another project gives the identical answer.
    """

    code = "not_found"
    status = 404
    message = "This project has no such resource. Check the id, and which project the key is of."


class TemplateNotFoundError(NotFoundError):
    """The project has no template with this slug."""

    code = "template_not_found"
    message = (
        "This project has no template with this slug. GET /v1/templates lists the project's "
        "templates."
    )


class VersionNotFoundError(NotFoundError):
    """The template has no version with this number."""

    code = "version_not_found"
    message = (
        "The template has no version with this number. GET /v1/templates/{slug} lists its versions."
    )


class CatalogNotFoundError(NotFoundError):
    """The project has no catalog with this name, or the catalog has no such version."""

    code = "catalog_not_found"
    message = (
        "This project has no catalog with this name and version. GET /v1/embed/catalogs lists the "
        "catalogs."
    )


class InvalidTokenError(NotFoundError):
    """No enabled inbound hook of this environment has this token."""

    code = "invalid_token"
    message = (
        "No enabled inbound hook has the token in this URL. Copy the URL again from this "
        "environment's dashboard."
    )


class MethodNotAllowedError(CraftkitError):
    """The path exists, but not with this HTTP method. The `Allow` header lists its methods.

    Args:
        allowed: the path's methods, such as `GET`.
    """

    code = "method_not_allowed"
    status = 405
    message = "This path does not support this HTTP method."

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        methods = ", ".join(allowed)
        super().__init__(
            f"{self.message} Use {methods}." if methods else None, headers={"Allow": methods}
        )


class ConflictError(CraftkitError):
    """The resource was changed by someone else since it was read."""

    code = "conflict"
    status = 409
    message = "Someone else changed this resource at the same time. Read it again, then retry."


class TemplateExistsError(ConflictError):
    """A new template was to be created, and the project has a template with this slug."""

    message = (
        "A template with this id already exists. Open it with mode edit, or choose another id."
    )


class NoPublishedVersionError(ConflictError):
    """The template has no published version."""

    code = "no_published_version"
    message = "This template has no published version. Publish one first."


class SealNotConfiguredError(ConflictError):
    """A seal was requested, by `options.seal` or by the template, and this stage cannot seal.

    It has no certificate, or the certificate is not valid at present. The operator of the stage
    creates one with `craftkit seals request` and `craftkit seals import`. `options.seal: false`
    renders the document without a seal.
    """

    code = "seal_not_configured"
    message = (
        "This stage has no certificate to seal documents with. Send options.seal: false, or ask "
        "the operator of the stage to store one with `craftkit seals import`."
    )


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used before with a different request.

    `renderId` is the render that has the key. A key belongs to one project and mode, and is kept
    as long as its render.

    Args:
        render_id: the render that was made with the key.
    """

    code = "idempotency_conflict"
    message = (
        "This idempotency key was already used for a different request. Send the same request, or "
        "use a new key."
    )

    def __init__(self, render_id: str | None = None) -> None:
        if render_id is None:
            super().__init__()
        else:
            super().__init__(
                f"This idempotency key already belongs to render {render_id}, which was made from "
                "a different request. Send the same request, or use a new key.",
                details={"renderId": render_id},
            )


class NotReadyError(ConflictError):
    """The render has no document: it is not finished, or it failed or was cancelled."""

    code = "not_ready"
    message = (
        "This render has no document. Read GET /v1/renders/{id} until its status is succeeded; a "
        "failed or cancelled render never gets one."
    )


class NotCancellableError(ConflictError):
    """The render is no longer queued."""

    code = "not_cancellable"
    message = (
        "Only a queued render can be cancelled; this one has already started or ended. To remove "
        "it, send DELETE /v1/renders/{id}."
    )


class KeyNotActiveError(ConflictError):
    """The API key is revoked or expired."""

    code = "key_not_active"
    message = "This API key is revoked or expired. Create a new API key."


class RotationUnderWayError(ConflictError):
    """The API key is being rotated: both of its secrets are valid."""

    code = "rotation_under_way"
    message = "This API key is already being rotated. End that rotation first."


class NoRotationError(ConflictError):
    """The API key is not being rotated."""

    code = "no_rotation"
    message = "This API key is not being rotated, so there is no rotation to end."


class UndoRefusedError(ConflictError):
    """The revocation cannot be undone: it is too old, or the key was exposed."""

    code = "undo_refused"
    message = (
        "This revocation cannot be undone: it is too old, or the key was exposed. Create a new key."
    )


class PayloadTooLargeError(CraftkitError):
    """The request body is larger than 1 MiB."""

    code = "payload_too_large"
    status = 413
    message = "The request body is larger than 1 MiB. Send images as URLs instead of data: URIs."


class UnsupportedMediaTypeError(CraftkitError):
    """The body's `Content-Type`, charset or `Content-Encoding` is not supported.

    Supported are JSON in UTF-8, uncompressed or with `Content-Encoding: gzip`.
    """

    code = "unsupported_media_type"
    status = 415
    message = "Send the body as JSON with the header Content-Type: application/json."


class RenderFailedError(CraftkitError):
    """A render with `options.sync`, or whose document the `Accept` header requests, failed.

    `error.render` is the render, with its `errorCode` and `errorMessage`; it is kept and can be
    read, unless `options.store` is false. The same request under the same idempotency key tries it
    again.

    Args:
        reason: the render's `errorMessage`.
        render: the render as callers see it.
    """

    code = "render_failed"
    status = 422
    message = "The render failed. `error.render` has its errorCode and errorMessage."

    def __init__(
        self, reason: str | None = None, render: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(
            f"The render failed: {reason}" if reason else None,
            details={"render": dict(render)} if render else None,
        )


class TooManyRequestsError(CraftkitError):
    """A limit of the key or of its project is reached.

    Args:
        retry_seconds: how long until another request is allowed.
    """

    status = 429

    def __init__(self, message: str, *, retry_seconds: int) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_seconds)})


class RateLimitedError(TooManyRequestsError):
    """The key, its project or this address sent too many requests in a short time."""

    code = "rate_limited"
    message = "Too many requests in a short time. Wait as long as Retry-After says, then retry."


class QuotaExceededError(TooManyRequestsError):
    """The day's or the month's renders of the key or of its project are used up."""

    code = "quota_exceeded"
    message = "The render quota is used up. Retry-After says when it is renewed."


class QueueUnavailableError(CraftkitError):
    """The render could not be queued, or, with `options.store` false, no worker took it. It was
    not stored."""

    code = "queue_unavailable"
    status = 503
    message = "The render could not be queued and was not stored. Send the request again."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "5"})


class ValidatorUnavailableError(CraftkitError):
    """The rules of electronic invoices cannot be checked at present. Nothing was stored."""

    code = "validator_unavailable"
    status = 503
    message = (
        "The electronic invoice could not be validated, and the render was not stored. Send the "
        "request again, or send options.invoice: false to render without an electronic invoice."
    )

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "5"})


class ScannerKeysUnavailableError(CraftkitError):
    """The public key that a report of exposed keys names cannot be looked up at present."""

    code = "scanner_keys_unavailable"
    status = 503
    message = (
        "The list of keys that reports are signed with cannot be read at present, so the signature "
        "was not checked. Send the report again after the time in Retry-After."
    )

    def __init__(self, message: str | None = None, *, retry_seconds: int = 60) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_seconds)})
        self.retry_seconds = retry_seconds


def every_error(root: type[CraftkitError] = CraftkitError) -> Iterator[type[CraftkitError]]:
    """The API's classes that have a code of their own. Those of the CLI are not among them."""
    if "code" in vars(root) and root.__module__ == CraftkitError.__module__:
        yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def documentation_url(code: str) -> str:
    """The address of a code's section in the documentation."""
    return f"{DOCUMENTATION_URL}#{code}"
