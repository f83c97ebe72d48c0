"""Signatures, verified with the official library."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from craftkit.webhooks.signing import headers_of, new_secret

PAYLOAD = '{"type":"render.succeeded","data":{"filename":"Rechnung Müller.pdf"}}'


def headers(*secrets: str, at: datetime | None = None) -> dict[str, str]:
    return headers_of("msg-1", "render.succeeded", PAYLOAD, secrets, at or datetime.now(UTC))


def test_headers__the_official_library_verifies_them() -> None:
    secret = new_secret()
    event = Webhook(secret).verify(PAYLOAD.encode(), headers(secret))
    assert event["data"]["filename"] == "Rechnung Müller.pdf"


def test_headers__signed_with_two_secrets_verify_with_each_of_them_only() -> None:
    new, old = new_secret(), new_secret()
    both = headers(new, old)
    for secret in (new, old):
        Webhook(secret).verify(PAYLOAD, both)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(PAYLOAD, both)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp"])
def test_headers__sign_the_id_and_the_time_too(change: str) -> None:
    secret = new_secret()
    sent = headers(secret)
    altered = sent | {change: str(int(sent["webhook-timestamp"]) - 1)}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(PAYLOAD, altered)


def test_headers__a_changed_body_is_refused() -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(PAYLOAD.replace("succeeded", "failed"), headers(secret))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_headers__a_receiver_whose_clock_is_six_minutes_off_refuses_them(minutes: int) -> None:
    secret = new_secret()
    sent = headers(secret, at=datetime.now(UTC) + timedelta(minutes=minutes))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(PAYLOAD, sent)


def test_headers__contain_the_event_type_and_the_media_type() -> None:
    sent = headers(new_secret())
    assert sent["x-craftkit-event"] == "render.succeeded"
    assert sent["content-type"].startswith("application/json")
    assert sent["webhook-id"] == "msg-1"


def test_new_secret__has_256_bits_and_the_prefix_that_libraries_know() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret != new_secret()
