"""Partnerships: enabling, suspending, resuming, and their settings."""

from typing import Any

import pytest

from craftkit.embed.partners import service as partners
from craftkit.embed.tokens import signing
from craftkit.errors import ConflictError, InvalidRequestError, NotFoundError
from craftkit.projects import service as projects
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DemoProject


def actions(cloud: Cloud) -> list[str]:
    rows = cloud.table("AuditTable").scan()["Items"]
    return [row["action"] for row in sorted(rows, key=lambda row: row["sk"])]


def test_suspending_and_resuming_keeps_the_settings(
    cloud: Cloud, project: DemoProject, clock: FrozenClock
) -> None:
    partners.enable(project.id, by="dana")
    partners.set_origins(project.id, ["https://app.example.com"], by="dana")
    partners.suspend(project.id, by="operator")
    assert projects.embed_status(project.id) == "suspended"
    partners.resume(project.id, by="operator")
    assert partners.partner_of(project.id).origins == ("https://app.example.com",)
    assert [action for action in actions(cloud) if action.startswith("embed")] == [
        "embed.enabled", "embed.origins.changed", "embed.suspended", "embed.resumed",
    ]  # fmt: skip


def test_enabling_again_does_not_end_a_suspension(project: DemoProject, cloud: Cloud) -> None:
    partners.enable(project.id, by="dana")
    partners.suspend(project.id, by="operator")
    for way_round in (partners.enable, partners.disable):
        with pytest.raises(ConflictError):
            way_round(project.id, by="dana")
    assert projects.embed_status(project.id) == "suspended"


def test_a_repeated_change_has_no_effect(project: DemoProject, cloud: Cloud) -> None:
    partners.enable(project.id, by="dana")
    partners.enable(project.id, by="dana")
    assert actions(cloud).count("embed.enabled") == 1


def test_a_project_without_embed_cannot_be_suspended_or_resumed(
    project: DemoProject, cloud: Cloud
) -> None:
    for change in (partners.suspend, partners.resume):
        with pytest.raises(ConflictError):
            change(project.id, by="operator")
    assert projects.embed_status(project.id) == "off"


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com/path",
        "http://app.example.com",
        "https://*.example.com",
        "https://user:pass@app.example.com",
        "https://app.example.com; script-src *",
        "null",
        "data:",
        "https://",
        "https://example.com:99999",
    ],
)
def test_an_invalid_origin_is_refused(project: DemoProject, cloud: Cloud, origin: str) -> None:
    partners.enable(project.id, by="dana")
    with pytest.raises(InvalidRequestError):
        partners.set_origins(project.id, [origin], by="dana")


def test_an_unknown_permission_is_refused(project: DemoProject, cloud: Cloud) -> None:
    fields: Any = {"viewer": ["root"]}
    with pytest.raises(InvalidRequestError):
        partners.set_presets(project.id, fields, by="dana")


def test_only_the_public_part_of_a_signing_key_is_stored(
    project: DemoProject, cloud: Cloud
) -> None:
    partners.enable(project.id, by="dana")
    minted = partners.create_signing_key(project.id, by="dana")
    assert minted.key.publishable_key.startswith("ck_pk_live_")
    assert minted.private_key_pem.startswith("-----BEGIN PRIVATE KEY-----")
    secret = minted.private_key_pem.splitlines()[1]
    assert secret not in repr(cloud.table("ProjectsTable").scan()["Items"])
    assert secret not in repr(minted)


def test_a_project_without_embed_cannot_create_a_signing_key(
    project: DemoProject, cloud: Cloud
) -> None:
    with pytest.raises(ConflictError):
        partners.create_signing_key(project.id, by="dana")


def test_a_signing_key_of_another_project_cannot_be_revoked(
    project: DemoProject, cloud: Cloud
) -> None:
    with pytest.raises(NotFoundError):
        partners.revoke_signing_key(project.id, "ck_pk_live_" + "A" * 32, by="dana")


def test_one_of_two_concurrent_rotations_is_refused(
    project: DemoProject, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = signing.repository.publish
    calls: list[str] = []

    def meanwhile(kid: str, x: str) -> None:
        publish(kid, x)
        calls.append(kid)
        if len(calls) == 2:  # the new key is published, the secret not yet moved
            with pytest.raises(ConflictError):
                signing.rotate()

    monkeypatch.setattr("craftkit.embed.tokens.repository.publish", meanwhile)
    new, old = signing.rotate()
    kids = {key["kid"] for key in signing.repository.jwks()["keys"]}
    assert {new.kid, old.kid} <= kids
