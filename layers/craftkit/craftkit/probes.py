"""What a new version of a function is asked before it gets callers, and which answer will do.

A question costs next to nothing and changes nothing: a key without a scope, an empty batch, a
document of one word. It proves that the version starts, finds its layers, variables and rights,
and answers in time.
"""

import json
from typing import Any

from craftkit.auth.principal import Principal
from craftkit.clock import utc_now
from craftkit.typesetter import Job

Json = dict[str, Any]

_NOBODY = Principal("00000000-0000-7000-8000-000000000000", "probe", "test", frozenset())
_NOTHING: Json = {"Records": []}
_WORDS = {"id": _NOBODY.project_id, "slug": "probe", "token": "probe", "name": "probe"}

# Functions that no HTTP request reaches. What a schedule starts may be started once more.
_DIRECT: dict[str, Json] = {
    "AuthorizeFunction": {
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:probe/probe/GET/v1/renders",
        "httpMethod": "GET",
        "resource": "/v1/renders",
        "headers": {"Authorization": "Bearer probe"},
        "requestContext": {"requestId": "probe"},
    },
    "LiveWorkerFunction": _NOTHING,
    "TestWorkerFunction": _NOTHING,
    "FailDeadLetterRendersFunction": _NOTHING,
    "MeterUsageFunction": _NOTHING,
    "CreateDeliveriesFunction": _NOTHING,
    "DeliverWebhookFunction": _NOTHING,
    "BeginGraceFunction": _NOTHING,
    "TellLimitWarningsFunction": _NOTHING,
    "RequeueStaleRendersFunction": {},
    "RequeueStaleDeliveriesFunction": {},
    "TendKeysFunction": {},
    "RetireExposedKeysFunction": {"body": "", "headers": {}},
}

# Functions behind the HTTP API, with the route that is asked for.
_PAGES = {
    "DashboardFunction": "ANY /dashboard",
    "GetEmbedPageFunction": "GET /embed",
    "GetEmbedAssetFunction": "GET /embed/embed.js",
    "GetEmbedDocumentFunction": "GET /embed/api/document",
    "ExchangeEmbedTokenFunction": "POST /embed/api/exchange",
    "OpenEmbedSessionFunction": "POST /embed/api/session",
    "PreviewEmbedFormFunction": "POST /embed/api/preview",
    "SubmitEmbedFormFunction": "POST /embed/api/submit",
    "PreviewEmbedTemplateFunction": "POST /embed/api/template/preview",
    "SaveEmbedDraftFunction": "POST /embed/api/template/draft",
    "PublishEmbedTemplateFunction": "POST /embed/api/template/publish",
}


def question(function: str) -> Json:
    """The event to send to a version of the function with this logical id."""
    if function == "CompileTemplateFunction":
        job = Job("= Probe", {}, {}, locale="en", title="Probe", created_at=utc_now())
        return {"job": job.as_json()}
    if function in _DIRECT:
        return _DIRECT[function]
    return _page(_PAGES[function]) if function in _PAGES else _rest()


def is_fit(answer: bytes, failed: bool) -> bool:
    """Whether a version that answered this may get callers.

    Args:
        failed: Lambda's own word that the function raised, ran out of time or memory.
    """
    if failed:
        return False
    told = json.loads(answer or b"null")
    if not isinstance(told, dict):
        return True
    # A refusal is an answer too; only a fault is not.
    return int(told.get("statusCode", 200)) < 500 and "error" not in told


def _rest() -> Json:
    return {
        "resource": "/probe",
        "path": "/probe",
        "httpMethod": "GET",
        "headers": {"Content-Type": "application/json", "Host": "probe.invalid"},
        "queryStringParameters": None,
        "pathParameters": _WORDS,
        "requestContext": {
            "requestId": "probe",
            "path": "/probe/probe",
            "domainName": "probe.invalid",
            "identity": {"sourceIp": "192.0.2.1"},
            "authorizer": _NOBODY.as_context(),
        },
        "body": "{}",
        "isBase64Encoded": False,
    }


def _page(route: str) -> Json:
    method, _, path = route.replace("ANY", "GET").partition(" ")
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "probe.invalid"},
        "pathParameters": _WORDS,
        "requestContext": {
            "requestId": "probe",
            "domainName": "probe.invalid",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
        },
        "body": "{}",
        "isBase64Encoded": False,
    }
