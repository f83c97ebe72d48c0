"""A batch of deliveries is sent concurrently; each can fail separately."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from craftkit.ids import new_id
from craftkit.network import Fetched, Policy
from craftkit.webhooks import delivering, service
from craftkit.webhooks.dispatch import create_deliveries
from craftkit.webhooks.models import Event, NewEndpoint
from testkit.clock import NOON, FrozenClock
from testkit.cloud import Cloud
from testkit.project import DemoProject
from testkit.receiver import answered

URLS = ("https://slow.example.com/", "https://b.example.com/", "https://c.example.com/")


@pytest.fixture
def batch(cloud: Cloud, clock: FrozenClock, project: DemoProject, event: Any) -> Any:
    """The event of three deliveries, to an endpoint each."""
    for url in URLS:
        service.create_endpoint(project.id, NewEndpoint(url=url), by="ada", check=lambda *_: None)
    create_deliveries(
        Event(
            id=new_id(),
            project_id=project.id,
            type="render.succeeded",
            timestamp=NOON,
            data={},
            mode=project.key.key.mode,
        )
    )
    sent = event("deliver_webhook")
    [record] = sent["Records"]
    messages = cloud.messages("DeliveriesQueue")
    sent["Records"] = [
        {**record, "messageId": message["deliveryId"], "body": json.dumps(message)}
        for message in messages
    ]
    return sent


@pytest.fixture
def statuses(project: DemoProject) -> Callable[[], list[str]]:
    """The status of each delivery, by endpoint in the order of `URLS`."""

    def read() -> list[str]:
        by_url = {}
        for endpoint in service.list_endpoints(project.id):
            [delivery] = service.list_deliveries(project.id, endpoint.id).deliveries
            by_url[endpoint.url] = delivery.status
        return [by_url[url] for url in URLS]

    return read


def test_deliver_webhook__a_slow_receiver_delays_no_other_of_its_batch(
    cloud: Cloud, batch: Any, statuses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow receiver responds after both others."""
    others = threading.Barrier(len(URLS))

    def fetch(
        _url: str, _policy: Policy, _method: str, _body: bytes, _headers: Mapping[str, str]
    ) -> Fetched:
        others.wait(timeout=20)
        return answered(200)

    monkeypatch.setattr(delivering.network, "fetch", fetch)
    assert cloud.invoke("deliver_webhook", batch) == {"batchItemFailures": []}
    assert statuses() == ["delivered"] * 3


def test_deliver_webhook__an_internal_error_fails_only_its_own_message(
    cloud: Cloud, batch: Any, statuses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(
        url: str, _policy: Policy, _method: str, _body: bytes, _headers: Mapping[str, str]
    ) -> Fetched:
        if url == URLS[0]:
            raise RuntimeError("a fault of ours")
        return answered(200)

    monkeypatch.setattr(delivering.network, "fetch", fetch)
    answer = cloud.invoke("deliver_webhook", batch)
    assert len(answer["batchItemFailures"]) == 1
    assert statuses() == ["sending", "delivered", "delivered"]
