"""Rows that newer code wrote are read by this code, during a canary and after a rollback."""

from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.types import Binary

from craftkit.renders import repository as renders
from craftkit.usage import repository as usage
from craftkit.webhooks import deliveries
from craftkit.webhooks.models import Endpoint
from testkit.project import DATA

NEWER: dict[str, Any] = {"priority": "high", "parts": [{"pages": 2}], "sealed": Binary(b"x")}
AT = "2026-03-14T12:00:00.000Z"


def test_render__fields_of_newer_code_are_left_alone() -> None:
    row = {
        "project_id": "p",
        "render_id": "r",
        "status": "queued",
        "mode": "live",
        "key_id": "k",
        "source": "api",
        "template_slug": "invoice",
        "version_number": 1,
        "filename": "a.pdf",
        "base_url": "https://api.example",
        "attempt_limit": 3,
        "attempt": 1,
        "created_at": AT,
        "expires_at": 1,
        "input": Binary(b""),
    }
    assert renders.render_of(row | NEWER) == renders.render_of(row)


def test_delivery_and_its_attempts__fields_of_newer_code_are_left_alone() -> None:
    attempt = {"number": 1, "at": AT, "duration_ms": 5, "status_code": 200}
    row = {
        "endpoint_id": "e",
        "delivery_id": "d",
        "project_id": "p",
        "event_id": "v",
        "event_type": "render.succeeded",
        "payload": str(DATA),
        "status": "delivered",
        "created_at": AT,
        "expires_at": 1,
    }
    read = deliveries._delivery(row | NEWER | {"attempts": [attempt | NEWER]})
    assert read == deliveries._delivery(row | {"attempts": [attempt]})


def test_endpoint_and_its_secrets__fields_of_newer_code_are_left_alone() -> None:
    secret = {"sealed": b"x", "created_at": AT}
    row = {
        "id": "e",
        "project_id": "p",
        "url": "https://a.example/",
        "created_at": AT,
        "created_by": "ada",
    }
    read = Endpoint.model_validate(row | NEWER | {"secrets": [secret | {"kind": "v2"}]})
    assert read == Endpoint.model_validate(row | {"secrets": [secret]})
    assert read.created_at == datetime(2026, 3, 14, 12, tzinfo=UTC)


def test_counter__attributes_and_parts_of_the_key_of_newer_code_are_left_alone() -> None:
    row = {"day_mode_key": "2026-03-14#live#k#invoice", "renders": 2, "pages": 3}
    newer = row | NEWER | {"day_mode_key": "2026-03-14#live#k#invoice#3#eu"}
    assert usage._counter(newer) == usage._counter(row)
