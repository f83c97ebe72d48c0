"""The API as the tools call it inside a request: each call invokes the function of a route.

The function receives an event as the gateway would send it, with the request context of the
agent's request: its key as the authorizer verified it, its address and its request id. So every
check of the route applies, and the request log has a row for it.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.clock import utc_now
from craftkit.config import variable
from craftkit.errors import CraftkitError, NotReadyError
from craftkit.observability import logger
from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Json = dict[str, Any]

FUNCTIONS = (
    "LIST_TEMPLATES_FUNCTION",
    "GET_TEMPLATE_FUNCTION",
    "CREATE_RENDER_FUNCTION",
    "GET_RENDER_FUNCTION",
    "CREATE_TEMPLATE_VERSION_FUNCTION",
)
"""The variables with the functions that are invoked, by alias."""


class RefusedCallError(CraftkitError):
    """A route's refusal, with its envelope."""

    def __init__(self, error: Json) -> None:
        super().__init__(str(error["message"]))
        self._error = error

    def as_json(self, request_id: str) -> dict[str, object]:  # noqa: ARG002 the envelope has it
        return {"error": self._error}


class RoutesApi:
    """`craftkit.mcp.tools.Api`, for the key of one request.

    Args:
        event: the request as the gateway sent it.
    """

    def __init__(self, event: Json) -> None:
        self._event = event

    def templates(self) -> list[Json]:
        found: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            query = {"limit": "100", **cursor}
            page = self._json("LIST_TEMPLATES", "GET", "/v1/templates", query=query)
            found += page["templates"]
            if not page["nextCursor"]:
                return found
            cursor = {"cursor": page["nextCursor"]}

    def template(self, slug: str) -> Json:
        return self._json("GET_TEMPLATE", "GET", "/v1/templates/{slug}", {"slug": slug})

    def create_render(self, slug: str, data: Json) -> Json:
        body = {"data": data, "options": {"sync": True}}
        return self._json("CREATE_RENDER", "POST", _RENDER, {"slug": slug}, body=body)

    def picture(self, slug: str, data: Json, options: Json) -> bytes:
        """The image's bytes.

        Raises:
            NotReadyError: it is not finished within the request, or larger than a response.
        """
        body = {"data": data, "options": options}
        answer = self._call(
            "CREATE_RENDER", "POST", _RENDER, {"slug": slug}, body=body, accept="image/png"
        )
        if answer["statusCode"] != 200:
            raise NotReadyError(
                "The image is not finished within the request, or larger than 4.5 MB. Create the "
                "render instead, and download it."
            )
        return b64decode(answer["body"])

    def render(self, id_: str) -> Json:
        return self._json("GET_RENDER", "GET", "/v1/renders/{id}", {"id": id_})

    def create_version(self, slug: str, manifest: Json, source: str) -> Json:
        body = {"manifest": manifest, "source": source, "publish": False}
        path = "/v1/templates/{slug}/versions"
        return self._json("CREATE_TEMPLATE_VERSION", "POST", path, {"slug": slug}, body=body)

    def _json(self, function: str, *where: Any, **what: Any) -> Json:
        answer: Json = json.loads(self._call(function, *where, **what)["body"])
        return answer

    def _call(
        self,
        function: str,
        method: str,
        resource: str,
        path: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        accept: str = "application/json",
    ) -> Json:
        answer = invoke(
            variable(f"{function}_FUNCTION"),
            self._event_of(method, resource, path or {}, query, body, accept),
        )
        if answer["statusCode"] >= 400:
            raise RefusedCallError(json.loads(answer["body"])["error"])
        return answer

    def _event_of(
        self,
        method: str,
        resource: str,
        path: Mapping[str, str],
        query: Mapping[str, str] | None,
        body: Json | None,
        accept: str,
    ) -> Json:
        """An event of the gateway for another route, with the same caller."""
        address = resource.format(**path)
        context = self._event["requestContext"]
        given = {name.lower(): value for name, value in (self._event["headers"] or {}).items()}
        headers = {"Accept": accept, "Content-Type": "application/json"}
        if agent := given.get("user-agent"):
            headers["User-Agent"] = agent
        if method == "POST":
            # Lambda's client sends an invocation again where the connection broke.
            headers["Idempotency-Key"] = f"mcp-{context['requestId']}"
        now = int(utc_now().timestamp() * 1000)
        return {
            "resource": resource,
            "path": address,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": dict(query) if query else None,
            "multiValueQueryStringParameters": {k: [v] for k, v in query.items()}
            if query
            else None,
            "pathParameters": dict(path) or None,
            "stageVariables": None,
            "requestContext": {
                **context,
                "resourcePath": resource,
                "httpMethod": method,
                "path": context["path"].removesuffix(self._event["path"]) + address,
                # Of this call: the request log's rows are ordered by time and request id.
                "requestTimeEpoch": max(now, context.get("requestTimeEpoch", 0) + 1),
            },
            "body": None if body is None else json.dumps(body, ensure_ascii=False),
            "isBase64Encoded": False,
        }


_RENDER = "/v1/templates/{slug}/render"


def invoke(function: str, event: Json) -> Json:
    """The response of a route's function.

    Raises:
        CraftkitError: the function failed.
    """
    payload = json.dumps(event, ensure_ascii=False).encode()
    response = _client().invoke(FunctionName=function, Payload=payload)
    content = response["Payload"].read()
    if "FunctionError" in response:
        logger.error("a route's function failed: see its log", extra={"function": function})
        raise CraftkitError
    answer: Json = json.loads(content)
    return answer


@process_cache
def _client() -> "LambdaClient":
    # As long as a route may take.
    waiting = ClientConfig(
        connect_timeout=1, read_timeout=29, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("lambda", config=waiting)
