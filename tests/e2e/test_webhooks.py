"""Webhooks out and hooks in, usage and dead renders, through the deployed stack with IAM on."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from standardwebhooks import Webhook

from craftkit.clock import to_rfc3339, utc_now
from craftkit.ids import new_id
from testkit import node
from testkit.loopback import LoopbackReceiver, receiving
from testkit.stack import RunningStack

DATA: dict[str, Any] = {
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Analytical engine", "qty": 3, "price": "400.00"}],
    "total": "1200.00",
}
RENDER = "/v1/templates/invoice/render"
_WAIT_SECONDS = 60


def eventually[Found](look: Callable[[], Found | None]) -> Found:
    """The result of `look` as soon as it is not empty; waits at most a minute."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{look} found nothing")


@pytest.fixture
def receiver(stack: RunningStack) -> Iterator[LoopbackReceiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def endpoint(stack: RunningStack, receiver: LoopbackReceiver) -> Iterator[Any]:
    words = ("--project", stack.project_id)
    made = stack.craftkit("webhooks", "create", *words, "--url", receiver.url)
    yield made
    stack.craftkit("webhooks", "delete", made["id"], *words)


def render(stack: RunningStack) -> Any:
    body = {"data": DATA, "options": {"sync": True}, "metadata": {"order": "4711"}}
    answer = stack.call("POST", RENDER, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def bring_forward(stack: RunningStack, delivery: Any) -> None:
    """Make a delivery due now, and run the scheduled requeuer."""
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["DeliveriesTable"],
        Key={"endpoint_id": {"S": delivery["endpointId"]}, "delivery_id": {"S": delivery["id"]}},
        UpdateExpression="SET due_at = :past",
        ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000Z"}},
    )
    functions = stack.deployed.physical_ids("AWS::Lambda::Function")
    stack.client("lambda").invoke(
        FunctionName=functions["RequeueStaleDeliveriesFunction"], Payload=b"{}"
    )


def test_a_delivery_succeeds_at_the_fourth_attempt_with_the_same_id(
    stack: RunningStack, receiver: LoopbackReceiver, endpoint: Any
) -> None:
    receiver.answers = [500, 503, 404]
    made = render(stack)
    words = ("webhooks", "deliveries", "--project", stack.project_id, "--endpoint", endpoint["id"])

    def waiting(attempt: int, status: str) -> Any:
        [delivery] = stack.craftkit(*words)["deliveries"]
        is_it = (delivery["attempt"], delivery["status"]) == (attempt, status)
        return delivery if is_it else None

    for attempt in (1, 2, 3):
        receiver.wait_for(attempt)
        delivery = eventually(lambda attempt=attempt: waiting(attempt, "pending"))  # type: ignore[misc]
        assert delivery["lastError"].startswith("answered")
        bring_forward(stack, delivery)
    arrivals = receiver.wait_for(4)
    eventually(lambda: waiting(4, "delivered"))
    assert len({arrival.headers["webhook-id"] for arrival in arrivals}) == 1
    event = json.loads(arrivals[-1].body)
    assert (event["type"], event["data"]["id"]) == ("render.succeeded", made["id"])
    assert event["data"]["metadata"] == {"order": "4711"}
    log = stack.craftkit("webhooks", "delivery", delivery["id"])["attempts"]
    assert [attempt["statusCode"] for attempt in log] == [500, 503, 404, 200]
    assert log[-1]["response"] == "noted\n"


def test_a_delivery_is_verified_by_the_official_libraries_of_python_and_node(
    stack: RunningStack, receiver: LoopbackReceiver, endpoint: Any
) -> None:
    words = (endpoint["id"], "--project", stack.project_id)
    rotated = stack.craftkit("webhooks", "rotate", *words)
    stack.craftkit("webhooks", "ping", *words)
    [arrival] = receiver.wait_for(1)
    body = arrival.body.decode()
    for secret in (endpoint["secret"], rotated["secret"]):
        assert Webhook(secret).verify(body, arrival.headers)["type"] == "ping"
        given = {"secret": secret, "body": body, "headers": arrival.headers}
        assert node.run("verify_webhook.mjs", given)["type"] == "ping"
    altered = {**given, "body": body.replace("ping", "pong")}
    assert node.run("verify_webhook.mjs", altered) == {"error": "WebhookVerificationError"}


def test_a_revoked_key_sends_a_webhook(
    stack: RunningStack, receiver: LoopbackReceiver, endpoint: Any
) -> None:
    words = ("--project", stack.project_id, "--name", "Short-lived", "--mode", "test")
    key = stack.craftkit("keys", "create", *words)
    stack.craftkit("keys", "revoke", key["id"])
    arrivals = receiver.wait_for(2)
    event = {json.loads(arrival.body)["type"]: arrival.body.decode() for arrival in arrivals}
    assert set(event) == {"key.created", "key.revoked"}
    for body in event.values():
        assert json.loads(body)["data"]["id"] == key["id"]
        assert key["key"] not in body


def test_a_live_render_is_counted_once(stack: RunningStack) -> None:
    def renders() -> int:
        rows = stack.call("GET", "/v1/usage").json()["usage"]
        return sum(row["renders"] for row in rows if row["mode"] == "live")

    before = renders()
    render(stack)
    eventually(lambda: renders() > before or None)
    assert renders() == before + 1


def test_a_hook_renders_as_its_key_until_the_key_is_revoked(stack: RunningStack) -> None:
    words = ("--project", stack.project_id)
    key = stack.craftkit("keys", "create", *words, "--name", "For a hook", "--mode", "test")
    hook = stack.craftkit(
        "hooks", "create", *words, "--slug", "invoice", "--key", key["id"], "--require-signature"
    )
    body = json.dumps(DATA).encode()
    signature = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()

    def call(signed: str | None) -> requests.Response:
        headers = {"Content-Type": "application/json"}
        if signed is not None:
            headers["x-craftkit-signature"] = signed
        return requests.post(hook["url"], data=body, headers=headers, timeout=60)

    assert hook["url"].startswith(stack.api_url)
    accepted = call(signature)
    assert accepted.status_code == 202
    ended = stack.finished(accepted.json()["id"], key=key["key"])
    assert (ended["status"], ended["mode"]) == ("succeeded", "test")
    for wrong in (None, signature.upper(), signature[:-1]):
        refused = call(wrong)
        code = refused.json()["error"]["code"]
        assert (refused.status_code, code) == (401, "invalid_signature")
    stack.craftkit("keys", "revoke", key["id"])
    refused = call(signature)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_credentials")
    stack.craftkit("hooks", "off", hook["id"], *words)
    refused = call(signature)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "invalid_token")


def decrypted(stack: RunningStack, row: dict[str, Any], render_id: str) -> bytes:
    """The data of a render, which is encrypted for its id; in the row or in a separate item."""

    def item(table: str, name: str) -> Any:
        key = {"project_id": {"S": stack.project_id}, "render_id": {"S": name}}
        table_name = stack.outputs[table]
        return stack.client("dynamodb").get_item(TableName=table_name, Key=key)["Item"]

    holder = row if "input" in row else item("RendersTable", f"input#{render_id}")
    sealed = holder["input"]["B"]
    data_key = item("RenderKeysTable", render_id)["key"]["B"]
    return AESGCM(data_key).decrypt(sealed[1:13], sealed[13:], render_id.encode())


def dead_letter(stack: RunningStack, *, age: timedelta) -> str:
    """Create a queued render whose message is in the dead-letter queue. Returns its id.

    Args:
        age: how long ago the render was created.
    """
    made, dead_id, now = render(stack), new_id(), utc_now()
    table, dynamodb = stack.outputs["RendersTable"], stack.client("dynamodb")
    key = {"project_id": {"S": stack.project_id}, "render_id": {"S": made["id"]}}
    row = dynamodb.get_item(TableName=table, Key=key)["Item"]
    for name in ("completed_at", "page_count", "size_bytes", "sha256"):
        del row[name]
    times = {"created_at": now - age, "due_at": now + timedelta(minutes=5)}
    row |= {"render_id": {"S": dead_id}, "status": {"S": "queued"}, "unfinished": {"S": "0"}}
    row |= {name: {"S": to_rfc3339(moment)} for name, moment in times.items()}
    row["input"] = {"B": decrypted(stack, row, made["id"])}
    row.pop("input_item", None)
    dynamodb.put_item(TableName=table, Item=row)
    queue = next(
        url
        for name, url in stack.deployed.physical_ids("AWS::SQS::Queue").items()
        if name == "LiveDeadLetterQueue"
    )
    message = json.dumps({"projectId": stack.project_id, "renderId": dead_id})
    stack.client("sqs").send_message(QueueUrl=queue, MessageBody=message)
    return dead_id


def test_a_dead_letter_that_no_worker_started_is_put_back(stack: RunningStack) -> None:
    ended = stack.finished(dead_letter(stack, age=timedelta(0)))
    assert (ended["status"], ended["attempt"]) == ("succeeded", 1)


def test_a_dead_letter_older_than_24_hours_ends_and_can_be_queued_again(
    stack: RunningStack,
) -> None:
    dead_id = dead_letter(stack, age=timedelta(hours=25))
    ended = stack.finished(dead_id)
    assert (ended["status"], ended["errorCode"]) == ("failed", "worker_failed")
    eventually(lambda: stack.craftkit("renders", "redrive")["queued"] or None)
    again = eventually(
        lambda: found if (found := stack.finished(dead_id))["status"] == "succeeded" else None
    )
    assert again["attempt"] == 2
