"""HTTP through API Gateway: the only module that reads an event as a request, or makes a response.

All REST APIs send events of the same form. The dashboard, which answers with pages, reads its own.

A handler is `@endpoint def handler(request): …` and returns a `Response`. An error that it raises
becomes the error envelope here.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from craftkit import rate_limits
from craftkit.auth.body_shape import shape_of_body
from craftkit.auth.deferred_writes import DeferredWrites
from craftkit.auth.principal import Principal
from craftkit.auth.request import public_url_of, values_of
from craftkit.auth.request_log import RequestLog, logged_request
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.errors import (
    CraftkitError,
    InvalidJsonError,
    InvalidRequestError,
    NetworkNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from craftkit.ids import is_id
from craftkit.observability import log_and_count, logger
from craftkit.rate_limits import LimitState
from craftkit.schema import validate_request
from craftkit.strict_json import Json, parse_object

BODY_LIMIT_BYTES = 1024 * 1024
IDEMPOTENCY_KEY_LIMIT = 200

_UTF_8 = {"", "utf-8", "utf8", "us-ascii"}
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Response:
    """A response. Text and bytes are sent unchanged, with the `Content-Type` from `headers`."""

    status: int
    body: BaseModel | Json | str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Request:
    """One request. Its parts are decoded when they are first used."""

    def __init__(self, event: Json) -> None:
        self._event = event
        self.body_shape: str | None = None
        self.id: str = event["requestContext"]["requestId"]

    @property
    def event(self) -> Json:
        """The event itself, for a function that calls another route for the same caller."""
        return self._event

    @cached_property
    def principal(self) -> Principal:
        return Principal.from_context(self._event["requestContext"]["authorizer"])

    def check_refusal(self) -> None:
        """Raise the authorizer's refusal if its status is not 401 (see `auth.policy`)."""
        context = self._event["requestContext"]["authorizer"]
        if context.get("refusal") == "network_not_allowed":
            raise NetworkNotAllowedError(context.get("address"))

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name. A header that was sent twice has its last value."""
        return {name.lower(): value for name, value in (self._event["headers"] or {}).items()}

    @cached_property
    def body(self) -> bytes:
        """The body's bytes, as they were signed; at most 1 MiB. See `read`."""
        return self.read()

    def read(self, limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
        """The body's bytes, decompressed.

        The gateway sends each body in base64, so that bytes that are not UTF-8 arrive unchanged.

        Raises:
            PayloadTooLargeError: larger than the limit.
            UnsupportedMediaTypeError: `Content-Encoding` is neither gzip nor identity.
        """
        text = self._event.get("body") or ""
        if self._event.get("isBase64Encoded"):
            try:
                raw = base64.b64decode(text)
            except binascii.Error as error:
                raise InvalidJsonError from error
        else:
            raw = text.encode("utf-8", errors="surrogatepass")
        too_large = PayloadTooLargeError(
            f"The request body is larger than {limit_bytes // BODY_LIMIT_BYTES} MiB. "
            "Send images as URLs instead of data: URIs."
        )
        if len(raw) > limit_bytes:
            raise too_large
        raw = self._decompressed(raw, limit_bytes)
        if len(raw) > limit_bytes:
            raise too_large
        return raw

    def _decompressed(self, raw: bytes, limit_bytes: int) -> bytes:
        """The bytes without their `Content-Encoding`; one more than the limit where it is passed.

        On AWS the gateway has decompressed a gzip body already, and may leave the header.
        """
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return raw
        if encoding != "gzip":
            raise UnsupportedMediaTypeError(
                "This Content-Encoding is not supported. Send the body uncompressed or with "
                "Content-Encoding: gzip."
            )
        if not raw.startswith(_GZIP_MAGIC):
            return raw
        try:
            return zlib.decompressobj(wbits=31).decompress(raw, limit_bytes + 1)
        except zlib.error as error:
            raise UnsupportedMediaTypeError(
                "The body is not gzip, although its Content-Encoding says so."
            ) from error

    def json(self, limit_bytes: int = BODY_LIMIT_BYTES) -> Json:
        """The body as a JSON object.

        Raises:
            UnsupportedMediaTypeError: another media type or charset.
            InvalidJsonError: not JSON in UTF-8; see `strict_json`.
            InvalidRequestError: JSON, but not an object.
        """
        media_type, *parameters = self.headers.get("content-type", "").lower().split(";")
        media_type = media_type.strip()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaTypeError
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "charset" and value.strip().strip('"') not in _UTF_8:
                raise UnsupportedMediaTypeError(
                    "This charset is not supported. Encode the body as UTF-8 and send the header "
                    "Content-Type: application/json; charset=utf-8."
                )
        parsed = parse_object(self.read(limit_bytes))
        self.body_shape = shape_of_body(parsed)
        return parsed

    def model[Model: BaseModel](
        self, kind: type[Model], limit_bytes: int = BODY_LIMIT_BYTES
    ) -> Model:
        """The body as the given model.

        Raises:
            InvalidRequestError: has one issue for each invalid field.
        """
        return validate_request(kind, self.json(limit_bytes))

    def query[Model: BaseModel](self, kind: type[Model]) -> Model:
        """The query string as the given model."""
        return validate_request(kind, self.parameters)

    @property
    def parameters(self) -> dict[str, str]:
        """The query parameters. A parameter that was sent twice has its last value."""
        return dict(self._event.get("queryStringParameters") or {})

    @property
    def accept(self) -> str:
        """The `Accept` header; empty without one."""
        return self.headers.get("accept", "")

    @property
    def idempotency_key(self) -> str | None:
        """The `Idempotency-Key` header.

        Raises:
            InvalidRequestError: longer than 200 characters.
        """
        key = self.headers.get("idempotency-key", "").strip() or None
        if key and len(key) > IDEMPOTENCY_KEY_LIMIT:
            raise InvalidRequestError(
                f"The Idempotency-Key header is {len(key)} characters long; the maximum is "
                f"{IDEMPOTENCY_KEY_LIMIT}."
            )
        return key

    @property
    def base_url(self) -> str:
        """This stage's public URL without a trailing slash: configured, or taken from the call."""
        if config.public_url:
            return config.public_url
        context = self._event["requestContext"]
        stage_path = context["path"].removesuffix(self._event["path"])
        return f"https://{context['domainName']}{stage_path}"

    @property
    def url(self) -> str:
        """The public URL of this request, without its query."""
        return public_url_of(self._event, config.public_url)

    def header_values(self, name: str) -> tuple[str, ...]:
        """Each value of a header that may have been sent more than once."""
        return values_of(self._event, name)

    @property
    def embed_origin(self) -> str:
        """The origin of the embedded page, as a browser sends it in `Origin`.

        Only the functions of the embed API ask: without a domain it is taken from the call.
        """
        parts = urlsplit(config.embed_origin or self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def method(self) -> str:
        return str(self._event["httpMethod"])

    @property
    def route(self) -> str:
        """The route's path with its parameters' names, such as `/v1/renders/{id}`."""
        return str(self._event["resource"])

    @property
    def last_segment(self) -> str:
        """The part of the path after its last slash."""
        return str(self._event["path"]).rpartition("/")[2]

    def path(self, name: str) -> str:
        return str(self._event["pathParameters"][name])

    def parameter(self, name: str) -> str | None:
        """A path parameter; None on a route that has none of this name."""
        return (self._event["pathParameters"] or {}).get(name)

    def path_id(self, name: str = "id") -> str:
        """A path parameter that is an id. Raises NotFoundError for any other text."""
        value = self.path(name)
        if not is_id(value):
            raise NotFoundError
        return value


request_log = RequestLog()
"""What this process answered and has not logged yet."""

_deferred = DeferredWrites(request_log, config.runtime_api, name="request-log")


def endpoint(handle: Callable[[Request], Response]) -> Callable[[Json, Any], Json]:
    """Make a Lambda handler from a function that takes a request and returns a response.

    Every response has `x-request-id`; every error has the envelope as its body. An unforeseen
    exception is logged with its traceback and answered as `internal`. The response to HEAD has no
    body. The requests of keys are logged, which the caller does not wait for.
    """
    logs_requests = config.is_lambda and config.logs_requests
    if logs_requests:
        _deferred.start()  # in Lambda's init phase: an extension cannot register later

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Json, context: Any) -> Json:  # noqa: ARG001 the decorator reads it
        request = Request(event)
        route = f"{event['httpMethod']} {event['resource']}"
        logger.append_keys(request_id=request.id, route=route)
        code = "ok"
        states: dict[str, LimitState] = {}
        try:
            if "projectId" in (event["requestContext"].get("authorizer") or {}):
                principal = request.principal
                logger.append_keys(project_id=principal.project_id, key_id=principal.key_id)
                request.check_refusal()
            with rate_limits.collect() as states:
                response = handle(request)
        except CraftkitError as error:
            code, response = error.code, _refusal(error, request.id)
        except Exception:
            logger.exception("failed")
            unforeseen = CraftkitError()
            code, response = unforeseen.code, _refusal(unforeseen, request.id)
        if response.status < HTTPStatus.BAD_REQUEST:
            # The gateway's access log has them with the same request id. Logs are billed by size.
            logger.remove_keys(["project_id", "key_id"])
        dimensions = {"route": route, "code": code}
        log_and_count("answered", "Answered", dimensions, status=response.status)
        try:
            _log(event, response.status, code, request.body_shape)
        except Exception:  # the response matters more than its row
            logger.exception("a request was not logged")
        if logs_requests:
            _deferred.answered()
        limits = rate_limits.as_headers(states.values())
        return _answer(response, request.id, limits, has_body=event["httpMethod"] != "HEAD")

    if logs_requests:
        handler.__dict__["after_probe"] = _deferred.answered
    return handler


def _log(event: Json, status: int, code: str, body: str | None) -> None:
    """Add the request to the log if it was made with a key."""
    context = event["requestContext"].get("authorizer") or {}
    if config.logs_requests and "keyId" in context:
        principal = Principal.from_context(context)
        error = None if code == "ok" else code
        now = utc_now()
        row = logged_request(event, principal, status=status, code=error, now=now, body=body)
        request_log.note(row)


def _refusal(error: CraftkitError, request_id: str) -> Response:
    return Response(error.status, error.as_json(request_id), error.headers)


def _answer(
    response: Response, request_id: str, limits: Mapping[str, str], *, has_body: bool
) -> Json:
    body = response.body
    if isinstance(body, BaseModel):
        body = body.model_dump(mode="json", by_alias=True)
    if isinstance(body, dict):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if not has_body:
        body = None
    is_binary = isinstance(body, bytes)
    return {
        "statusCode": response.status,
        "headers": {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store",
            "x-request-id": request_id,
            **limits,
            **response.headers,
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body or "",
        "isBase64Encoded": is_binary,
    }
