"""Deliveries to receivers that misbehave on the wire, through the real `network.fetch`."""

import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from craftkit import network
from craftkit.config import config
from craftkit.network import Fetched, Policy
from craftkit.webhooks import service
from craftkit.webhooks.delivering import deliver_webhook
from craftkit.webhooks.models import Attempt, NewEndpoint
from craftkit.webhooks.policy import policy
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.internet import PUBLIC, Internet, answering
from testkit.project import DemoProject


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def public_stage(project: DemoProject, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(config.__dict__, "has_private_webhooks", False)
    yield
    config.__dict__.pop("has_private_webhooks", None)


class Target:
    """An endpoint at a URL, and one attempt to reach it."""

    def __init__(self, cloud: Cloud, project: DemoProject, internet: Internet) -> None:
        self._cloud, self._project, self._internet = cloud, project, internet
        self.deadline_seconds = 15.0

    def attempt(self, url: str = "http://receiver.example/hook") -> Attempt:
        made = service.create_endpoint(
            self._project.id, NewEndpoint(url=url), by="ada", check=lambda *_: None
        )
        service.ping(self._project.id, made.endpoint.id)
        [message] = self._cloud.messages("DeliveriesQueue")
        delivery = deliver_webhook(
            message["projectId"],
            message["endpointId"],
            message["deliveryId"],
            message["attempt"],
            fetch=self._fetch,
        )
        assert delivery is not None
        [attempt] = delivery.attempts
        return attempt

    def _fetch(
        self, url: str, asked: Policy, method: str, body: bytes, headers: Mapping[str, str]
    ) -> Fetched:
        hurried = replace(asked, deadline_seconds=self.deadline_seconds)
        return network.fetch(url, hurried, method, body, headers, network=self._internet.network)


@pytest.fixture
def target(cloud: Cloud, clock: FrozenClock, project: DemoProject, internet: Internet) -> Target:
    return Target(cloud, project, internet)


def test_a_10_mb_response_is_truncated_to_4_kib_and_counts_as_delivered(
    target: Target, internet: Internet
) -> None:
    internet.host("receiver.example", answering(b"x" * 10_000_000))
    attempt = target.attempt()
    assert attempt.is_success
    assert attempt.response == "x" * 4096


def test_a_slow_response_is_aborted_at_the_deadline(target: Target, internet: Internet) -> None:
    def drip(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            time.sleep(0.02)  # the slow one is the receiver: its thread, which nobody waits for

    internet.host("receiver.example", drip)
    target.deadline_seconds = 0.2
    attempt = target.attempt()
    assert not attempt.is_success
    assert "no answer within" in str(attempt.error)


def test_a_redirect_is_not_followed(target: Target, internet: Internet) -> None:
    elsewhere = ["Location: http://other.example/"]
    internet.host("receiver.example", answering(status="307 Moved", headers=elsewhere))
    internet.host("other.example", addresses=["93.184.216.35"])
    attempt = target.attempt()
    assert (attempt.status_code, attempt.is_success) == (307, False)
    assert internet.calls == [(PUBLIC, 80)]


def test_the_text_of_a_binary_response_is_stored(target: Target, internet: Internet) -> None:
    internet.host("receiver.example", answering(b"\xff\x00ok"))
    assert target.attempt().response == "\ufffd\x00ok"


def test_a_receiver_that_closes_the_connection_early_is_a_failure(
    target: Target, internet: Internet
) -> None:
    internet.host("receiver.example", answering(b"half", length=100))
    assert not target.attempt().is_success


@pytest.mark.usefixtures("public_stage")
@pytest.mark.parametrize("addresses", [["10.0.0.7"], [PUBLIC, "169.254.169.254"], ["::1"]])
def test_a_host_that_became_private_after_registration_is_not_called(
    target: Target, internet: Internet, addresses: list[str]
) -> None:
    internet.host("receiver.example", addresses=addresses)
    attempt = target.attempt("https://receiver.example/hook")
    assert "not on the public internet" in str(attempt.error)
    assert internet.calls == []


@pytest.mark.usefixtures("public_stage")
def test_an_http_endpoint_is_not_called_outside_the_local_stage(
    target: Target, internet: Internet
) -> None:
    internet.host("receiver.example")
    assert "not https" in str(target.attempt("http://receiver.example/hook").error)
    assert internet.calls == []


def test_the_body_is_sent_as_it_was_signed(target: Target, internet: Internet) -> None:
    received: list[Any] = []

    def note(connection: socket.socket, head: bytes) -> None:
        received.append(head)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    internet.host("receiver.example", note)
    attempt = target.attempt()
    assert attempt.status_code == 204
    head = received[0].decode().lower()
    for name, value in attempt.request_headers.items():
        assert f"{name}: {value}".lower() in head
    assert "user-agent: craftkit" in head


def test_only_the_local_stage_reaches_private_receivers() -> None:
    config.__dict__["has_private_webhooks"] = False
    assert policy().schemes == {"https"}
    assert not policy().allow_private
    config.__dict__["has_private_webhooks"] = True
    assert policy().schemes == {"https", "http"}
    config.__dict__.pop("has_private_webhooks")
