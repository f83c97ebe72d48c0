"""Outside clients over HTTP: they exchange an OIDC token for a bound one, and call with proofs.

A server on loopback stands for the gateway: it asks the authorizer, and calls the route's function.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from craftkit.keys import service as keys
from craftkit.trust import issuers, service
from testkit.cloud import Cloud, LambdaContext, variables
from testkit.dpop_clients import (
    NODE_CLIENTS,
    Sign,
    exchange_in_node,
    proof,
    with_joserfc,
    with_pyjwt,
)
from testkit.events import event as load_event
from testkit.project import DemoProject
from testkit.prover import Prover
from tests.functional.test_exchange_token import _ISSUER, Web, new_rule

pytestmark = pytest.mark.usefixtures("socket_enabled")


class Gateway:
    """`POST /v1/oauth/token` and `GET /v1/me`, by the functions behind them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._lock = cloud, threading.Lock()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway._answer(self)

            def do_POST(self) -> None:
                gateway._answer(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _answer(self, call: BaseHTTPRequestHandler) -> None:
        headers = dict(call.headers.items())
        body = call.rfile.read(int(call.headers.get("Content-Length") or 0)).decode()
        with self._lock:
            answer = self._of(call.command, headers, body)
        content = str(answer["body"]).encode()
        call.send_response(answer["statusCode"])
        call.send_header("Content-Type", "application/json")
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)

    def _of(self, method: str, headers: dict[str, str], body: str) -> Any:
        if method == "POST":
            sent = _with_headers(load_event("exchange_token", body=body), headers)
            return self._call("exchange_token", "ExchangeTokenFunction", sent)
        policy = self.authorize(headers)
        if policy["policyDocument"]["Statement"][0]["Effect"] != "Allow":
            return {"statusCode": 401, "body": "{}"}
        sent = load_event("get_me")
        sent["requestContext"]["authorizer"] = policy["context"]
        return self._call("get_me", "GetMeFunction", sent)

    def authorize(self, headers: dict[str, str]) -> Any:
        sent = _with_headers(load_event("authorize"), headers)
        path = {"path": "/v1/me", "resource": "/v1/me", "httpMethod": "GET"}
        sent["requestContext"] |= {"path": "/local/v1/me"}
        return self._call("authorize", "AuthorizeFunction", sent | path)

    def _call(self, name: str, function: str, sent: Any) -> Any:
        with variables({**self._cloud.environment(function), "PUBLIC_URL": self.url}):
            return self._cloud.module(name).handler(sent, LambdaContext(function))


def _with_headers(event: Any, headers: dict[str, str]) -> Any:
    event["headers"] = headers
    event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    return event


@pytest.fixture
def gateway(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr(issuers.network, "fetch", Web().fetch)
    made = Gateway(cloud)
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.parametrize(("library", "algorithm"), NODE_CLIENTS)
def test_clients_in_node__exchange_a_bound_token_and_call_with_it(
    gateway: Gateway, project: DemoProject, library: str, algorithm: str
) -> None:
    new_rule(project)
    answer = exchange_in_node(
        library, algorithm, api=gateway.url, token=_ISSUER.sign(), audience=project.id
    )
    assert answer["tokenType"] == "dpop"
    assert (answer["me"]["kind"], answer["me"]["bound"]) == ("token", True)
    statuses = [answer[name] for name in ("good", "asBearer", "withAnotherKey")]
    assert statuses == [200, 401, 401]


def sent(url: str, headers: dict[str, str], form: dict[str, str] | None = None) -> tuple[int, Any]:
    body = urlencode(form).encode() if form else None
    try:
        with urlopen(Request(url, body, headers), timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("library", [with_pyjwt, with_joserfc])
def test_clients_in_python__exchange_a_bound_token_and_call_with_it(
    gateway: Gateway, project: DemoProject, library: Any, algorithm: str
) -> None:
    new_rule(project)
    sign, url = library(Prover(algorithm)), f"{gateway.url}/v1/oauth/token"
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": _ISSUER.sign(),
        "audience": project.id,
    }
    headers = {"DPoP": proof(sign, "POST", url)}
    headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = sent(url, headers, form)
    assert (status, answer["token_type"]) == (200, "DPoP"), answer
    key, me = answer["access_token"], f"{gateway.url}/v1/me"

    def called(signer: Sign, scheme: str = "DPoP") -> int:
        headers = {"Authorization": f"{scheme} {key}", "DPoP": proof(signer, "GET", me, key)}
        return sent(me, headers)[0]

    assert called(sign) == 200
    assert called(library(Prover(algorithm))) == 401
    assert called(sign, "Bearer") == 401


def test_a_revoked_token_and_an_ended_rule__of_a_thousand_requests_none_passes(
    gateway: Gateway, project: DemoProject
) -> None:
    rule = new_rule(project)
    revoked, ended = (service.exchange_token(project.id, _ISSUER.sign()) for _ in range(2))

    def passed(key: str, requests: int) -> int:
        headers = {"authorization": f"Bearer {key}"}
        policies = [gateway.authorize(headers) for _ in range(requests)]
        effects = [each["policyDocument"]["Statement"][0]["Effect"] for each in policies]
        return effects.count("Allow")

    assert passed(revoked.cleartext, 1) == passed(ended.cleartext, 1) == 1
    keys.revoke_key(revoked.key_id, by="tester")
    assert passed(revoked.cleartext, 1000) == 0
    assert passed(ended.cleartext, 1) == 1
    service.end_rule(rule.id, by="tester", project_id=project.id)
    assert passed(ended.cleartext, 1000) == 0
