"""`craftkit secrets rotate`: the old secret is invalid, and stored data stays readable."""

from typing import Any

import boto3
import pytest

from craftkit import cursors, settings, vault
from craftkit.errors import InvalidCursorError
from testkit.cloud import Cloud
from tests.functional.test_cli import craftkit

__all__ = ["craftkit"]


def value_of(cloud: Cloud, secret: str) -> str:
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=cloud.names[secret])
    return str(answer["SecretString"])


def test_cursors__are_invalid_after_a_rotation_of_the_secret(cloud: Cloud, craftkit: Any) -> None:
    old, before = cursors.seal({"a": "1"}, "list"), value_of(cloud, "CursorSecret")
    assert craftkit("secrets", "rotate", "cursors").exit_code == 0
    assert value_of(cloud, "CursorSecret") != before
    settings.forget()
    with pytest.raises(InvalidCursorError):
        cursors.unseal(old, "list")
    assert cursors.unseal(cursors.seal({"a": "1"}, "list"), "list") == {"a": "1"}


def test_sessions__end_with_a_rotation_of_the_secret(cloud: Cloud, craftkit: Any) -> None:
    before = value_of(cloud, "SessionSecret")
    assert craftkit("secrets", "rotate", "sessions").exit_code == 0
    after = value_of(cloud, "SessionSecret")
    assert after != before
    assert len(after) == 64


def test_vault__earlier_secrets_can_still_be_decrypted(cloud: Cloud, craftkit: Any) -> None:
    sealed = vault.seal("a hook's secret", owner="hook")
    assert craftkit("secrets", "rotate", "vault").exit_code == 0
    assert vault.unseal(sealed, owner="hook") == "a hook's secret"


def test_embed__tokens_are_signed_with_the_new_key(craftkit: Any) -> None:
    first = craftkit("secrets", "rotate", "embed").out["rotated"]["embed"]
    second = craftkit("secrets", "rotate", "embed").out["rotated"]["embed"]
    assert first != second


def test_no_command_prints_a_secret(cloud: Cloud, craftkit: Any) -> None:
    run = craftkit("secrets", "rotate", "all")
    assert set(run.out["rotated"]) == {"cursors", "sessions", "embed", "vault"}
    for secret in ("CursorSecret", "SessionSecret", "EmbedSigningSecret"):
        assert value_of(cloud, secret) not in str(run.out)
