"""`craftkit keys …` and `craftkit limits …` except creating a key."""

from typing import Any

import pytest

from craftkit.auth import api_key
from craftkit.auth.lookup import find_key
from craftkit.auth.verify import verify_key
from craftkit.clock import utc_now
from tests.functional.test_cli import craftkit, key, project_id

__all__ = ["craftkit", "key", "project_id"]


def verdict(cleartext: str) -> str:
    return verify_key(cleartext, stage="local", lookup=find_key, now=utc_now()).verdict.value


def test_keys_rotate__shows_the_new_secret_once_and_keeps_the_id(craftkit: Any, key: Any) -> None:
    rotated = craftkit("keys", "rotate", key["id"], "--grace", "48h").out
    assert rotated["id"] == key["id"]
    assert rotated["key"] != key["key"]
    assert rotated["prefix"] == api_key.prefix_of(rotated["key"])
    assert verdict(key["key"]) == verdict(rotated["key"]) == "allowed"
    shown = craftkit("keys", "show", key["id"]).out
    assert rotated["key"] not in str(shown)
    assert shown["rotation"]["state"] == "awaiting_first_use"
    assert [secret["state"] for secret in shown["secrets"]] == ["current", "previous"]


def test_keys_rotate__a_second_rotation_is_refused_and_the_first_can_be_ended(
    craftkit: Any, key: Any
) -> None:
    craftkit("keys", "rotate", key["id"])
    run = craftkit("keys", "rotate", key["id"])
    assert (run.exit_code, run.error["error"]["code"]) == (1, "rotation_under_way")
    assert craftkit("keys", "end-rotation", key["id"]).exit_code == 0
    assert verdict(key["key"]) == "expired"


def test_keys_undo__makes_a_revoked_key_valid_again(craftkit: Any, key: Any) -> None:
    assert craftkit("keys", "revoke", key["id"]).out["status"] == "revoked"
    assert craftkit("keys", "undo", key["id"]).out["status"] == "active"
    assert verdict(key["key"]) == "allowed"


def test_keys_report_exposed__revokes_permanently(craftkit: Any, key: Any) -> None:
    words = ("keys", "report-exposed", "--url", "https://example.com/paste")
    assert craftkit(*words, stdin=f"{key['key']}\n").out == {"finding": "handled"}
    assert verdict(key["key"]) == "revoked"
    run = craftkit("keys", "undo", key["id"])
    assert (run.exit_code, run.error["error"]["code"]) == (1, "undo_refused")


def test_projects_set_exposure__alert_does_not_revoke_the_key(
    craftkit: Any, project_id: str, key: Any
) -> None:
    words = ("projects", "set-exposure", "--project", project_id, "--policy", "alert")
    assert craftkit(*words).out["exposurePolicy"] == "alert"
    craftkit("keys", "report-exposed", stdin=key["key"])
    assert verdict(key["key"]) == "allowed"
    assert craftkit("keys", "show", key["id"]).out["exposedAt"]


def test_projects_set_anomalies__stores_the_policy(craftkit: Any, project_id: str) -> None:
    words = ("projects", "set-anomalies", "--project", project_id, "--policy", "revoke")
    assert craftkit(*words).out["anomalyPolicy"] == "revoke"


def test_keys_list__shows_usage_in_pages(craftkit: Any, project_id: str, key: Any) -> None:
    for number in range(2):
        craftkit("keys", "create", "--project", project_id, "--name", f"{number}", "--mode", "test")
    everything = craftkit("keys", "list", "--project", project_id).out
    assert len(everything["keys"]) == 3
    assert everything["nextCursor"] is None
    assert {"firstUsedAt", "lastUsedAt", "requests", "renders"} <= set(everything["keys"][0])
    first = craftkit("keys", "list", "--project", project_id, "--limit", "2").out
    words = ("--limit", "2", "--cursor", first["nextCursor"])
    second = craftkit("keys", "list", "--project", project_id, *words).out
    assert first["keys"] + second["keys"] == everything["keys"]


def test_limits_set__of_a_project_and_of_a_key(craftkit: Any, project_id: str, key: Any) -> None:
    of_project = ("--project", project_id)
    of_key = (*of_project, "--key", key["id"])
    assert craftkit("limits", "show", *of_project).out["limits"] is None
    words = ("--renders-per-month", "5000", "--rate", "10/s", "--burst", "20")
    assert craftkit("limits", "set", *of_project, *words).out["limits"] == {
        "rendersPerDay": None,
        "rendersPerMonth": 5000,
        "rate": "10/s",
        "burst": 20,
        "warnAtPercent": None,
    }
    craftkit("limits", "set", *of_key, "--renders-per-day", "100")
    shown = craftkit("limits", "show", *of_key).out
    assert shown["limits"]["rendersPerDay"] == 100
    assert shown["rendersToday"] == 0
    assert craftkit("keys", "show", key["id"]).out["limited"] == ["key", "project"]
    craftkit("limits", "set", *of_key, "--clear", "renders-per-day")
    assert craftkit("limits", "show", *of_key).out["limits"] is None


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--rate", "fast"),
        ("--burst", "5"),
        ("--rate", "10/s", "--burst", "0"),
        ("--renders-per-day", "-1"),
    ],
)
def test_limits_set__invalid_values_are_refused(
    craftkit: Any, project_id: str, words: tuple[str, ...]
) -> None:
    run = craftkit("limits", "set", "--project", project_id, *words)
    assert (run.exit_code, run.error["error"]["code"]) == (1, "invalid_request")


def test_limits_set__for_another_projects_key_is_refused(craftkit: Any, key: Any) -> None:
    other = craftkit("projects", "create", "--name", "Other").out["id"]
    run = craftkit(
        "limits", "set", "--project", other, "--key", key["id"], "--renders-per-day", "1"
    )
    assert run.exit_code == 1
