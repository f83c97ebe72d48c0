"""`craftkit embed …`: one JSON document, or the envelope and an exit code."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from craftkit_cli import main as cli
from testkit.cloud import Cloud
from testkit.embed import session_body
from testkit.project import DemoProject

CATALOG = {
    "namespaces": [
        {
            "key": "customer",
            "label": "Customer",
            "fields": [{"key": "name", "label": "Name", "dataType": "text"}],
        }
    ]
}


@pytest.fixture
def embed(
    cloud: Cloud,
    project: DemoProject,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """`embed("keys create", …)`: runs the command. Returns its output, or the error code."""
    monkeypatch.setattr(cli, "connect", lambda _stage: "arn:aws:iam::123456789012:user/ada")

    def run(command: str, *words: str, on_project: bool = True) -> Any:
        capsys.readouterr()
        of = ("--project", project.id) if on_project else ()
        exit_code = cli.main(["embed", *command.split(), *of, *words])
        out, error = capsys.readouterr()
        # Below the answer of a refusal there may be a log line of ours.
        start = error.find("{\n")
        return json.loads(out) if exit_code == 0 else json.loads(error[start:])["error"]["code"]

    return run


def test_embed_enable__enables_embed_and_publishes_its_key(
    embed: Any, call: Any, project: DemoProject
) -> None:
    assert embed("enable")["status"] == "enabled"
    assert len(call("get_jwks", project).body["keys"]) == 1
    assert call("create_embed_session", project, body=session_body()).status == 201


def test_embed_suspend__only_resume_ends_a_suspension(embed: Any) -> None:
    embed("enable")
    assert embed("suspend")["status"] == "suspended"
    assert embed("enable") == "conflict"
    assert embed("resume")["status"] == "enabled"
    assert embed("resume") == "conflict"


def test_embed_origins__are_stored_as_browsers_send_them(embed: Any) -> None:
    embed("enable")
    shown = embed(
        "origins", "--origin", "https://App.Example.com/", "--origin", "https://b.example"
    )
    assert shown["origins"] == ["https://app.example.com", "https://b.example"]
    assert embed("origins", "--origin", "app.example.com") == "invalid_request"
    assert embed("show")["origins"] == shown["origins"]


def test_embed_presets__sets_the_permissions_of_a_preset(embed: Any) -> None:
    embed("enable")
    shown = embed("presets", "--preset", "viewer", "--permission", "view", "--permission", "fill")
    assert shown["presets"] == {"viewer": ["view", "fill"]}


def test_embed_keys_create__returns_a_working_key_pair(embed: Any) -> None:
    embed("enable")
    pair = embed("keys create")
    assert {"publishableKey", "privateKeyPem"} <= set(pair)
    private: Any = load_pem_private_key(pair["privateKeyPem"].encode(), None)
    assert jwt.encode({"iss": pair["publishableKey"]}, private, algorithm="EdDSA")
    [listed] = embed("keys list")["keys"]
    assert listed["publishableKey"] == pair["publishableKey"]
    assert "privateKeyPem" not in listed
    assert embed("keys revoke", pair["publishableKey"])["revokedAt"]
    assert embed("keys revoke", "ck_pk_live_" + "A" * 32) == "not_found"


def test_embed_keys_create__without_embed_enabled_is_refused(embed: Any) -> None:
    assert embed("keys create") == "conflict"


def test_embed_signing_rotate__names_the_new_key_and_the_old(
    embed: Any, call: Any, project: DemoProject
) -> None:
    embed("enable")
    rotated = embed("signing rotate", on_project=False)
    kids = [key["kid"] for key in call("get_jwks", project).body["keys"]]
    assert set(kids) == {rotated["kid"], rotated["replaced"]}


def test_embed_sessions__are_listed_and_revoked(
    embed: Any, call: Any, project: DemoProject
) -> None:
    embed("enable")
    opened = call("create_embed_session", project, body=session_body()).body
    [listed] = embed("sessions list")["sessions"]
    assert (listed["id"], listed["tenant"], listed["revokedAt"]) == (
        opened["session_id"],
        "acme",
        None,
    )
    embed("sessions revoke", opened["session_id"])
    assert embed("sessions list")["sessions"][0]["revokedAt"]


def test_embed_catalogs__are_published_shown_and_compared(embed: Any, tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(CATALOG), encoding="utf-8")
    words = ("--name", "crm", "--catalog", str(file))
    assert embed("catalogs publish", *words) == {"name": "crm", "version": 1}
    file.write_text(json.dumps({"loops": []}), encoding="utf-8")
    embed("catalogs publish", *words)
    assert embed("catalogs list")["catalogs"][0]["version"] == 2
    assert embed("catalogs show", "--name", "crm", "--version", "1")["catalog"]["namespaces"]
    changed = embed("catalogs diff", "--name", "crm", "1", "2")
    assert changed["removed"] == ["customer.name"]
    assert embed("catalogs show", "--name", "none") == "catalog_not_found"
