"""HTTP, as API Gateway's proxies speak it: the only place that reads a request or answers one.

A REST API's event is read as it is; an HTTP API's (payload 2.0) is first given the same form.

A handler is `@endpoint def handler(request): …` and returns a `Response`; what it raises becomes
the error envelope here.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from craftkit.auth.principal import Principal
from craftkit.config import config
from craftkit.errors import (
    CraftkitError,
    InvalidJsonError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from craftkit.ids import is_id
from craftkit.observability import count, logger
from craftkit.schema import validate_request
from craftkit.strict_json import Json, parse_object

BODY_LIMIT_BYTES = 1024 * 1024
IDEMPOTENCY_KEY_LIMIT = 200


@dataclass(frozen=True)
class Response:
    """An answer. Text and bytes go out as they are, with the `Content-Type` that `headers` name."""

    status: int
    body: BaseModel | Json | str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Request:
    """One call, read lazily: nothing is decoded before it is asked for."""

    def __init__(self, event: Json) -> None:
        self._event = event
        self.id: str = event["requestContext"]["requestId"]

    @cached_property
    def principal(self) -> Principal:
        return Principal.from_context(self._event["requestContext"]["authorizer"])

    @cached_property
    def headers(self) -> dict[str, str]:
        """By lower-case name. One that was sent twice keeps its last value."""
        return {name.lower(): value for name, value in (self._event["headers"] or {}).items()}

    @cached_property
    def body(self) -> bytes:
        """The raw body, as it was signed; 1 MiB at most. See `read`."""
        return self.read()

    def read(self, limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
        """The raw body.

        Raises:
            PayloadTooLargeError: over the limit.
        """
        text = self._event.get("body") or ""
        if self._event.get("isBase64Encoded"):
            try:
                raw = base64.b64decode(text)
            except binascii.Error as error:
                raise InvalidJsonError from error
        else:
            raw = text.encode("utf-8", errors="surrogatepass")
        if len(raw) > limit_bytes:
            limit = limit_bytes // BODY_LIMIT_BYTES
            raise PayloadTooLargeError(f"The request body is larger than {limit} MiB.")
        return raw

    def json(self, limit_bytes: int = BODY_LIMIT_BYTES) -> Json:
        """The body as a JSON object.

        Raises:
            UnsupportedMediaTypeError: sent as something else.
            InvalidJsonError: not JSON (RFC 8259: no NaN, no double key, no half of a character).
            InvalidRequestError: JSON, but no object.
        """
        media_type = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaTypeError
        return parse_object(self.read(limit_bytes))

    def model[Model: BaseModel](
        self, kind: type[Model], limit_bytes: int = BODY_LIMIT_BYTES
    ) -> Model:
        """The body as the given model.

        Raises:
            InvalidRequestError: with one issue for each field that does not fit.
        """
        return validate_request(kind, self.json(limit_bytes))

    def query[Model: BaseModel](self, kind: type[Model]) -> Model:
        """The query string as the given model."""
        return validate_request(kind, self.parameters)

    @property
    def parameters(self) -> dict[str, str]:
        """The query string as it was sent, of equal names the last."""
        return dict(self._event.get("queryStringParameters") or {})

    @property
    def idempotency_key(self) -> str | None:
        """The `Idempotency-Key` header.

        Raises:
            InvalidRequestError: longer than 200 characters.
        """
        key = self.headers.get("idempotency-key", "").strip() or None
        if key and len(key) > IDEMPOTENCY_KEY_LIMIT:
            message = f"The Idempotency-Key header may have {IDEMPOTENCY_KEY_LIMIT} characters."
            raise InvalidRequestError(message)
        return key

    @property
    def base_url(self) -> str:
        """Where this stage is reached, without a trailing slash: as it was told, or as called."""
        if config.public_url:
            return config.public_url
        context = self._event["requestContext"]
        stage_path = context["path"].removesuffix(self._event["path"])
        return f"https://{context['domainName']}{stage_path}"

    @property
    def origin(self) -> str:
        """The origin of this stage's pages, as a browser names the one that a page came from."""
        parts = urlsplit(config.pages_origin or self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def last_segment(self) -> str:
        """What the path ends with."""
        return str(self._event["path"]).rpartition("/")[2]

    def path(self, name: str) -> str:
        return str(self._event["pathParameters"][name])

    def path_id(self, name: str = "id") -> str:
        """A path parameter that can only be an id: what is not one cannot exist."""
        value = self.path(name)
        if not is_id(value):
            raise NotFoundError
        return value


def endpoint(handle: Callable[[Request], Response]) -> Callable[[Json, Any], Json]:
    """Make a Lambda handler of a function from request to response.

    Every answer carries `x-request-id`; every error wears the envelope; what nobody foresaw is
    logged with its trace and answered as `internal`.
    """

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Json, context: Any) -> Json:  # noqa: ARG001 the decorator reads it
        event = _as_rest(event)
        request = Request(event)
        route = f"{event['httpMethod']} {event['resource']}"
        logger.append_keys(request_id=request.id, route=route)
        code = "ok"
        try:
            if "projectId" in (event["requestContext"].get("authorizer") or {}):
                principal = request.principal
                logger.append_keys(project_id=principal.project_id, key_id=principal.key_id)
            response = handle(request)
        except CraftkitError as error:
            code, response = error.code, _refusal(error, request.id)
        except Exception:
            logger.exception("failed")
            unforeseen = CraftkitError()
            code, response = unforeseen.code, _refusal(unforeseen, request.id)
        logger.info("answered", status=response.status, code=code)
        count("Answered", route=route, code=code)
        return _answer(response, request.id)

    return handler


def _refusal(error: CraftkitError, request_id: str) -> Response:
    return Response(error.status, error.as_json(request_id), error.headers)


def _answer(response: Response, request_id: str) -> Json:
    body = response.body
    if isinstance(body, BaseModel):
        body = body.model_dump(mode="json", by_alias=True)
    if isinstance(body, dict):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    is_binary = isinstance(body, bytes)
    return {
        "statusCode": response.status,
        "headers": {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store",
            "x-request-id": request_id,
            **response.headers,
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body or "",
        "isBase64Encoded": is_binary,
    }


def _as_rest(event: Json) -> Json:
    """An HTTP API's event in the form of a REST API's; any other is left alone."""
    if event.get("version") != "2.0":
        return event
    context = event["requestContext"]
    path = context["http"]["path"]
    return {
        **event,
        "httpMethod": context["http"]["method"],
        "resource": event["routeKey"].partition(" ")[2] or path,
        "path": event["rawPath"],
        "requestContext": {**context, "path": path},
    }
