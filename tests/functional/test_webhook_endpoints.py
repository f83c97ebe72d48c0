"""Webhook endpoints: create, change, rotate, disable, delete."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from craftkit import network, vault
from craftkit.audit import service as audit
from craftkit.config import config
from craftkit.errors import ConflictError, InvalidRequestError, NotFoundError
from craftkit.network import FetchError, Network, Policy
from craftkit.webhooks import service
from craftkit.webhooks.models import ENDPOINT_LIMIT, MadeEndpoint, NewEndpoint
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DemoProject

URL = "https://hooks.example.com/craftkit"


def no_check(_url: str, _policy: Policy) -> None:
    """A fake of the URL check, which has its own tests."""


def make(project: DemoProject, url: str = URL, **fields: Any) -> MadeEndpoint:
    return service.create_endpoint(
        project.id, NewEndpoint(url=url, **fields), by="ada", check=no_check
    )


def actions(project: DemoProject, target: str) -> list[str]:
    page = audit.list_entries(project.id, target=target)
    return [entry.action for entry in reversed(page.entries)]


@pytest.fixture
def made(clock: FrozenClock, project: DemoProject) -> MadeEndpoint:
    return make(project)


@pytest.fixture
def public_stage(project: DemoProject, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(config.__dict__, "has_private_webhooks", False)
    yield
    config.__dict__.pop("has_private_webhooks", None)


def check_with(*addresses: str) -> Any:
    """`network.check` with these addresses for every host."""
    world = Network(resolve=lambda _host, _port: addresses)
    return lambda url, policy: network.check(url, policy, network=world)


def test_create__shows_the_secret_once_and_stores_it_encrypted(
    cloud: Cloud, project: DemoProject, made: MadeEndpoint
) -> None:
    assert made.secret.startswith("whsec_")
    kept = service.get_endpoint(project.id, made.endpoint.id)
    assert kept == made.endpoint
    rows = repr(cloud.table("ContentTable").scan()["Items"])
    assert made.secret not in rows
    assert made.secret not in repr(made)
    [sealed] = kept.secrets
    assert vault.unseal(sealed.sealed, owner=kept.id) == made.secret


def test_create__a_secret_can_be_decrypted_for_its_own_endpoint_only(
    project: DemoProject, made: MadeEndpoint
) -> None:
    other = make(project)
    with pytest.raises(Exception, match="InvalidCiphertext"):
        vault.unseal(made.endpoint.secrets[0].sealed, owner=other.endpoint.id)


@pytest.mark.usefixtures("public_stage")
@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://ada:secret@hooks.example.com/",
        "https://",
        "hooks.example.com",
        "https://hooks.example.com/\r\nx: y",
        "https://hooks.exa mple.com/",
        "javascript:alert(1)",
    ],
)
def test_create__a_url_that_is_not_plain_https_is_refused(project: DemoProject, url: str) -> None:
    new_endpoint = NewEndpoint(url=url)
    with pytest.raises(InvalidRequestError) as refused:
        service.create_endpoint(
            project.id, new_endpoint, by="ada", check=check_with("203.0.113.80")
        )
    assert "secret" not in str(refused.value)
    assert service.list_endpoints(project.id) == []


@pytest.mark.usefixtures("public_stage")
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:169.254.169.254"],
        ["2002:a9fe:a9fe::"],
        ["8.8.8.8", "192.168.0.1"],
    ],
)
def test_create__a_host_with_a_private_address_is_refused(
    project: DemoProject, addresses: list[str]
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        service.create_endpoint(
            project.id, NewEndpoint(url=URL), by="ada", check=check_with(*addresses)
        )
    assert refused.value.issues and "url" in refused.value.issues.field_errors


@pytest.mark.usefixtures("public_stage")
def test_create__an_unknown_host_is_refused(project: DemoProject) -> None:
    def unknown(_url: str, _policy: Policy) -> None:
        raise FetchError("the host is not known")

    with pytest.raises(InvalidRequestError, match="cannot be reached"):
        service.create_endpoint(project.id, NewEndpoint(url=URL), by="ada", check=unknown)


def test_create__http_on_loopback_is_allowed_in_the_local_stage_only(project: DemoProject) -> None:
    new_endpoint = NewEndpoint(url="http://localhost:8080/hook")
    made = service.create_endpoint(
        project.id, new_endpoint, by="ada", check=check_with("127.0.0.1")
    )
    assert made.endpoint.url == "http://localhost:8080/hook"


def test_create__an_unknown_event_is_refused() -> None:
    with pytest.raises(ValueError, match="Each event must be one of"):
        NewEndpoint(url=URL, events=("render.exploded",))


def test_create__more_than_the_projects_maximum_is_refused(
    project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(ENDPOINT_LIMIT):
        make(project)
    with pytest.raises(ConflictError):
        make(project)


def test_get__another_projects_endpoint_is_not_found(made: MadeEndpoint) -> None:
    with pytest.raises(NotFoundError):
        service.get_endpoint("another", made.endpoint.id)


def test_change__sets_another_url_and_filter(project: DemoProject, made: MadeEndpoint) -> None:
    new_endpoint = NewEndpoint(url="https://new.example.com/", events=("render.failed",))
    service.change_endpoint(project.id, made.endpoint.id, new_endpoint, by="ada", check=no_check)
    kept = service.get_endpoint(project.id, made.endpoint.id)
    assert (kept.url, kept.events) == ("https://new.example.com/", ("render.failed",))
    assert kept.secrets == made.endpoint.secrets


@pytest.mark.usefixtures("public_stage")
def test_change__a_private_target_is_refused(project: DemoProject, made: MadeEndpoint) -> None:
    new_endpoint = NewEndpoint(url="https://internal.example.com/")
    with pytest.raises(InvalidRequestError):
        service.change_endpoint(
            project.id, made.endpoint.id, new_endpoint, by="ada", check=check_with("10.0.0.1")
        )
    assert service.get_endpoint(project.id, made.endpoint.id).url == URL


def test_rotate__both_secrets_are_valid_until_the_overlap_ends(
    clock: FrozenClock, project: DemoProject, made: MadeEndpoint
) -> None:
    rotated = service.rotate_secret(project.id, made.endpoint.id, by="ada")
    endpoint = rotated.endpoint
    assert rotated.secret != made.secret
    assert [
        vault.unseal(secret.sealed, owner=endpoint.id)
        for secret in endpoint.living_secrets(clock())
    ] == [rotated.secret, made.secret]
    clock.advance(hours=24)
    [left] = endpoint.living_secrets(clock())
    assert vault.unseal(left.sealed, owner=endpoint.id) == rotated.secret


def test_rotate__a_second_rotation_removes_the_oldest_secret(
    clock: FrozenClock, project: DemoProject, made: MadeEndpoint
) -> None:
    service.rotate_secret(project.id, made.endpoint.id, by="ada")
    third = service.rotate_secret(project.id, made.endpoint.id, by="ada")
    living = third.endpoint.living_secrets(clock())
    opened = [vault.unseal(secret.sealed, owner=made.endpoint.id) for secret in living]
    assert len(opened) == 2
    assert made.secret not in opened


def test_rotate__at_once_leaves_no_overlap(
    clock: FrozenClock, project: DemoProject, made: MadeEndpoint
) -> None:
    rotated = service.rotate_secret(project.id, made.endpoint.id, by="ada", overlap=timedelta(0))
    assert len(rotated.endpoint.living_secrets(clock())) == 1


@pytest.mark.parametrize("days", [-1, 31])
def test_rotate__an_overlap_out_of_range_is_refused(
    project: DemoProject, made: MadeEndpoint, days: int
) -> None:
    with pytest.raises(InvalidRequestError):
        service.rotate_secret(project.id, made.endpoint.id, by="ada", overlap=timedelta(days=days))


def test_rotate__of_two_concurrent_rotations_one_is_refused(
    project: DemoProject, made: MadeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = service.get_endpoint(project.id, made.endpoint.id)
    service.rotate_secret(project.id, made.endpoint.id, by="ada")
    monkeypatch.setattr(service, "get_endpoint", lambda *_: stale)
    with pytest.raises(ConflictError):
        service.rotate_secret(project.id, made.endpoint.id, by="bob")


def test_switch__disables_and_enables_the_endpoint(
    project: DemoProject, made: MadeEndpoint
) -> None:
    off = service.switch_endpoint(project.id, made.endpoint.id, on=False, by="ada")
    assert off.disabled_at and off.disabled_reason
    assert service.switch_endpoint(project.id, off.id, on=False, by="ada") == off
    on = service.switch_endpoint(project.id, off.id, on=True, by="ada")
    assert on.disabled_at is None and on.disabled_reason is None


def test_every_action_is_in_the_audit_log(project: DemoProject, made: MadeEndpoint) -> None:
    id_ = made.endpoint.id
    new_endpoint = NewEndpoint(url="https://new.example.com/")
    service.change_endpoint(project.id, id_, new_endpoint, by="ada", check=no_check)
    service.rotate_secret(project.id, id_, by="ada")
    service.switch_endpoint(project.id, id_, on=False, by="ada")
    service.switch_endpoint(project.id, id_, on=True, by="ada")
    service.delete_endpoint(project.id, id_, by="ada")
    assert actions(project, id_) == [
        "endpoint.created",
        "endpoint.changed",
        "endpoint.rotated",
        "endpoint.disabled",
        "endpoint.enabled",
        "endpoint.deleted",
    ]
    with pytest.raises(NotFoundError):
        service.get_endpoint(project.id, id_)
