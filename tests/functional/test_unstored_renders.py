"""`options.store` false: the document is in the response, and the service keeps no content."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from craftkit.keys import limiting
from craftkit.keys import service as keys
from craftkit.limits.models import LimitsChange
from craftkit.renders import inline
from craftkit.typesetter import SourceError
from testkit.cloud import Cloud
from testkit.contents import places_of
from testkit.project import DATA, DemoProject, make_project, publish
from testkit.streams import Stream
from typesetting import worker

SECRET = "Vertraulich-8f21"
PDF = {"Accept": "application/pdf"}
IMPORT = '#import "/craftkit.typ": *\n'
BODY: dict[str, Any] = {
    "data": {**DATA, "customer": {"name": SECRET}, "numbr": SECRET},
    "metadata": {"order": SECRET},
    "options": {"filename": f"{SECRET}.pdf", "store": False},
}


class Workers:
    """A fake of Lambda that runs the real worker. `fault` replaces its response."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.payloads: list[dict[str, Any]] = []
        self.fault: Callable[[], Any] | None = None

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's
        self.payloads.append(json.loads(Payload))
        if self.fault:
            return dict(self.fault())
        function = FunctionName.rsplit(":", 2)[-2]
        answer = self._cloud.invoke("render_document", json.loads(Payload), function=function)
        return {"Payload": BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def workers(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Workers:
    found = Workers(cloud)
    monkeypatch.setattr("craftkit.renders.dispatch._lambda", lambda: found)
    return found


@pytest.fixture
def live(cloud: Cloud) -> DemoProject:
    return make_project("live")


@pytest.fixture
def send(cloud: Cloud, event: Any, live: DemoProject, workers: Workers) -> Any:
    """One request of the live project; the whole response of the route."""

    def send(body: dict[str, Any] | None = None, key: str | None = None, **headers: str) -> Any:
        sent = {**PDF, **headers, **({"Idempotency-Key": key} if key else {})}
        with cloud.as_function("AuthorizeFunction"):
            principal = keys.get_key(live.principal.key_id).principal  # with its present limits
        how = {"principal": principal, "body": body or BODY, "headers": sent}
        return cloud.invoke("create_render", event("create_render", **how))

    return send


def code_of(answer: Any) -> str:
    return str(json.loads(answer["body"])["error"]["code"])


@pytest.fixture
def usage(cloud: Cloud, call: Any, live: DemoProject) -> Callable[[], list[tuple[int, int]]]:
    """The counted renders and pages, from the rows of the usage route."""

    def usage() -> list[tuple[int, int]]:
        cloud.invoke("meter_usage", Stream(cloud, "MeterUsageSource").event())
        rows = call("get_usage", live, query={}).body["usage"]
        return [(row["renders"], row["pages"]) for row in rows]

    return usage


def test_store_false__returns_the_document_and_stores_no_content(
    send: Any, workers: Workers, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    answer = send(key=SECRET)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert base64.b64decode(answer["body"]).startswith(b"%PDF")
    assert f'filename="{SECRET}.pdf"' in answer["headers"]["Content-Disposition"]
    assert answer["headers"]["x-craftkit-page-count"] == "1"
    assert workers.payloads[0]["data"]["customer"]["name"] == SECRET
    assert places_of(SECRET, boto3.client) == []
    written = capfd.readouterr()
    assert SECRET not in caplog.text + written.out + written.err


def test_store_false__usage_counts_it_once_and_no_route_shows_it(
    send: Any, call: Any, live: DemoProject, usage: Any
) -> None:
    id_ = send()["headers"]["x-craftkit-render-id"]
    assert [usage(), usage()] == [[(1, 1)], [(1, 1)]]
    for route in ("get_render", "download_render", "delete_render", "cancel_render"):
        assert call(route, live, path={"id": id_}).code == "not_found"
    assert call("list_renders", live).body["renders"] == []


def test_store_false__makes_no_event_for_webhooks(cloud: Cloud, send: Any) -> None:
    stream = Stream(cloud, "RenderEventsSource")
    send()
    assert stream.event()["Records"] == []


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png, */*"])
@pytest.mark.parametrize("sync", [False, True])
def test_store_false__without_the_document_in_the_response_is_400(
    send: Any, workers: Workers, accept: str, sync: bool
) -> None:
    body = {**BODY, "options": {"store": False, "sync": sync}}
    answer = send(body, Accept=accept)
    assert (answer["statusCode"], code_of(answer)) == (400, "invalid_request")
    (message,) = json.loads(answer["body"])["error"]["issues"]["fieldErrors"]["options.store"]
    assert "Accept: application/pdf" in message
    assert not workers.payloads


def test_store_false__with_an_expiry_is_400(send: Any) -> None:
    body = {**BODY, "options": {"store": False, "expiresInSeconds": 60}}
    answer = send(body)
    assert (answer["statusCode"], code_of(answer)) == (400, "invalid_request")
    assert "expiresInSeconds" in answer["body"]


def test_store_true__is_stored(send: Any, call: Any, live: DemoProject) -> None:
    answer = send({"data": DATA, "options": {"store": True}})
    id_ = answer["headers"]["x-craftkit-render-id"]
    assert call("get_render", live, path={"id": id_}).body["status"] == "succeeded"


def test_store_false__a_template_that_fails_is_422_and_neither_kept_nor_counted_nor_logged(
    send: Any, usage: Any, live: DemoProject, capfd: Any
) -> None:
    publish(live.id, "invoice", source=f"{IMPORT}#assert(false, message: data.customer.name)")
    answer = send()
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["code"]) == (422, "render_failed")
    assert error["render"]["errorCode"] == "template_error"
    assert SECRET in error["render"]["errorMessage"]
    assert places_of(SECRET, boto3.client) == []
    written = capfd.readouterr()
    assert SECRET not in written.out + written.err
    assert usage() == []


def test_store_false__a_document_too_large_for_the_response_is_422(
    send: Any, usage: Any, live: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "INLINE_LIMIT_BYTES", 1000)
    answer = send()
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["code"]) == (422, "render_failed")
    assert error["render"]["errorCode"] == "render_too_large"
    assert "without `options.store`" in error["message"]
    assert usage() == []


def test_store_false__the_largest_result_of_the_worker_fits_into_a_response_of_lambda() -> None:
    """6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    encoded = base64.urlsafe_b64encode(bytes(inline.INLINE_LIMIT_BYTES))
    assert len(encoded) < 6 * 1024 * 1024 - 64 * 1024


def _throttled() -> None:
    raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")


def _died() -> Any:
    return {"FunctionError": "Unhandled", "Payload": BytesIO(b"{}")}


@pytest.mark.parametrize("fault", [_throttled, _died])
def test_store_false__without_a_worker_is_503_and_charges_nothing(
    send: Any, workers: Workers, live: DemoProject, fault: Any
) -> None:
    limit_a_day(live, 1)
    workers.fault = fault
    answer = send()
    assert (answer["statusCode"], code_of(answer)) == (503, "queue_unavailable")
    assert answer["headers"]["Retry-After"] == "5"
    assert "options.store" in answer["body"]
    assert places_of(SECRET, boto3.client) == []
    workers.fault = None
    assert send()["statusCode"] == 200
    assert code_of(send()) == "quota_exceeded"


def test_store_false__a_fault_in_the_worker_is_503_and_its_message_is_not_logged(
    send: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    def fail(job: Any) -> Any:
        raise RuntimeError(f"cannot use {job.data['customer']['name']}")

    monkeypatch.setattr("typesetting.worker.with_files", fail)
    answer = send()
    assert (answer["statusCode"], code_of(answer)) == (503, "queue_unavailable")
    written = capfd.readouterr()
    assert "RuntimeError" in written.err
    assert SECRET not in written.out + written.err


def test_store_false__a_worker_that_takes_too_long_is_422(
    send: Any, workers: Workers, live: DemoProject
) -> None:
    def slow() -> Any:
        raise ReadTimeoutError(endpoint_url="lambda")

    workers.fault = slow
    answer = send()
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["render"]["errorCode"]) == (422, "render_timeout")
    assert places_of(SECRET, boto3.client) == []


def test_store_false__above_the_stages_concurrency_is_429_and_charges_nothing(
    send: Any, workers: Workers, live: DemoProject, monkeypatch: Any
) -> None:
    monkeypatch.setattr("craftkit.config.Config.sync_renders_per_project", 1)
    limit_a_day(live, 3)
    inner = []

    def meanwhile() -> Any:
        workers.fault = None
        inner.append(send())
        return _died()

    workers.fault = meanwhile
    send()
    assert (inner[0]["statusCode"], code_of(inner[0])) == (429, "rate_limited")
    assert [send()["statusCode"] for _ in range(4)] == [200, 200, 200, 429]


def test_store_false__a_repeat_is_the_same_document_and_is_charged_and_counted_once(
    send: Any, usage: Any, clock: Any, live: DemoProject
) -> None:
    limit_a_day(live, 1)
    first = send(key="order-1")
    publish(live.id, "invoice", source="Another text")
    clock.advance(minutes=5)
    second = send(key="order-1")
    assert second["statusCode"] == 200
    assert second["body"] == first["body"]
    assert second["headers"]["x-craftkit-render-id"] == first["headers"]["x-craftkit-render-id"]
    assert usage() == [(1, 1)]


@pytest.mark.parametrize("change", [{"data": DATA}, {"options": {"store": True}}])
def test_store_false__another_request_under_its_idempotency_key_is_409(
    send: Any, change: dict[str, Any]
) -> None:
    first = send(key="order-1")
    answer = send({**BODY, **change}, key="order-1")
    assert (answer["statusCode"], code_of(answer)) == (409, "idempotency_conflict")
    error = json.loads(answer["body"])["error"]
    assert error["renderId"] == first["headers"]["x-craftkit-render-id"]


def test_store_false__two_concurrent_requests_of_one_idempotency_key_are_one_render(
    send: Any, workers: Workers, usage: Any, live: DemoProject
) -> None:
    limit_a_day(live, 2)
    inner = []
    real = workers.invoke

    def meanwhile(FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's
        if not inner:
            inner.append(None)
            inner.append(send(key="order-1"))
        return real(FunctionName, Payload)

    workers.invoke = meanwhile  # type: ignore[method-assign]
    outer = send(key="order-1")
    assert (outer["statusCode"], inner[1]["statusCode"]) == (200, 200)
    assert outer["body"] == inner[1]["body"]
    assert usage() == [(1, 1)]
    workers.invoke = real  # type: ignore[method-assign]
    assert [send()["statusCode"] for _ in range(2)] == [200, 429]


def test_store_false__a_failed_render_is_tried_again_under_its_idempotency_key(
    send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_job: Any) -> Any:
        raise SourceError("unknown variable: totl")

    with monkeypatch.context() as broken:
        broken.setattr("typesetting.worker.with_files", fail)
        assert send(key="order-1")["statusCode"] == 422
    assert send(key="order-1")["statusCode"] == 200


def test_store_false__an_image_of_several_pages_is_a_zip(send: Any, live: DemoProject) -> None:
    publish(live.id, "invoice", source="One #pagebreak() Two")
    answer = send({"data": DATA, "options": {"format": "png", "store": False}}, Accept="image/png")
    assert answer["headers"]["Content-Type"] == "application/zip"
    assert answer["headers"]["x-craftkit-page-count"] == "2"


def limit_a_day(live: DemoProject, renders: int) -> None:
    limiting.limit_project(live.id, LimitsChange(renders_per_day=renders), by="tester")
