"""POST /v1/hooks/{token}: each outcome that a third party can meet."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from craftkit.audit import service as audit
from craftkit.errors import InvalidRequestError, NotFoundError, TemplateNotFoundError
from craftkit.hooks import service
from craftkit.hooks.models import MadeHook
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project
from testkit.typesetter import FakeTypesetter
from typesetting.worker import render_document

BODY = json.dumps(DATA, ensure_ascii=False)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


Send = Callable[..., Answer]


@pytest.fixture
def send(cloud: Cloud, event: Any) -> Send:
    """`send(token, body, headers)`: runs the handler with its own variables."""

    def invoke(token: str, body: str = BODY, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = event("receive_hook", body=body, path={"token": token}, headers=named)
        answer = cloud.invoke("receive_hook", sent)
        return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]))

    return invoke


def make(project: DemoProject, **how: Any) -> MadeHook:
    fields = {"requires_signature": False, **how}
    return service.create_hook(project.id, "invoice", project.key.key.id, by="ada", **fields)


@pytest.fixture
def made(clock: FrozenClock, project: DemoProject) -> MadeHook:
    return make(project)


def signed(secret: str, body: str = BODY) -> str:
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


def test_receive_hook__is_202_with_a_render_of_the_hooks_key(
    cloud: Cloud, send: Send, project: DemoProject, made: MadeHook
) -> None:
    answer = send(made.token)
    assert (answer.status, answer.body["status"]) == (202, "queued")
    assert answer.body["mode"] == "test"
    [row] = cloud.table("RendersTable").scan()["Items"]
    assert (row["source"], row["key_id"]) == ("hook", project.key.key.id)
    assert row["project_id"] == project.id
    assert len(cloud.messages("TestQueue")) == 1


def test_receive_hook__accepts_the_token_in_a_header(
    cloud: Cloud, event: Any, made: MadeHook
) -> None:
    for headers, status in (({"x-craftkit-hook-token": made.token}, 202), ({}, 404)):
        sent = event("receive_hook", body=BODY, headers=headers)
        sent |= {"resource": "/v1/hooks", "path": "/v1/hooks", "pathParameters": None}
        assert cloud.invoke("receive_hook", sent)["statusCode"] == status


def test_receive_hook__a_hook_of_a_live_key_is_live(cloud: Cloud, send: Send) -> None:
    made = make(make_project("live"))
    assert send(made.token).body["mode"] == "live"
    assert len(cloud.messages("LiveQueue")) == 1


def test_receive_hook__the_body_is_validated_as_the_data(send: Send, made: MadeHook) -> None:
    answer = send(made.token, json.dumps({"data": DATA}))
    assert (answer.status, answer.code) == (400, "invalid_input_data")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("not json", 400, "invalid_json"),
        ("[]", 400, "invalid_request"),
        ('{"total": NaN}', 400, "invalid_json"),
        (json.dumps({"number": "x" * 2_000_000}), 413, "payload_too_large"),
    ],
)
def test_receive_hook__a_bad_body_is_refused(
    cloud: Cloud, send: Send, made: MadeHook, body: str, status: int, code: str
) -> None:
    answer = send(made.token, body)
    assert (answer.status, answer.code) == (status, code)
    assert cloud.table("RendersTable").scan()["Items"] == []


def test_receive_hook__a_valid_signature_is_accepted_where_none_is_required(
    send: Send, made: MadeHook
) -> None:
    assert send(made.token, x_craftkit_signature=signed(made.secret)).status == 202


def test_receive_hook__the_signature_is_of_the_raw_body(send: Send, made: MadeHook) -> None:
    spaced = json.dumps(DATA, indent=3)
    assert send(made.token, spaced, x_craftkit_signature=signed(made.secret, spaced)).status == 202
    again = json.dumps(json.loads(spaced))
    answer = send(made.token, spaced, x_craftkit_signature=signed(made.secret, again))
    assert (answer.status, answer.code) == (401, "invalid_signature")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda right: "0" * 64,
        lambda right: right.upper(),
        lambda right: right[:-1],
        lambda right: right[:32],
        lambda right: right + "0",
        lambda right: f"sha256={right}",
        lambda right: f" {right}",
        lambda right: "",
        lambda right: "é" * 64,
        lambda right: "\udce9" * 64,
    ],
)
def test_receive_hook__a_wrong_signature_is_401_even_where_none_is_required(
    cloud: Cloud, send: Send, made: MadeHook, spoil: Callable[[str], str]
) -> None:
    answer = send(made.token, x_craftkit_signature=spoil(signed(made.secret)))
    assert (answer.status, answer.code) == (401, "invalid_signature")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert cloud.table("RendersTable").scan()["Items"] == []


def test_receive_hook__no_signature_where_one_is_required_is_401(
    send: Send, project: DemoProject
) -> None:
    made = make(project, requires_signature=True)
    answer = send(made.token)
    assert (answer.status, answer.code) == (401, "invalid_signature")
    assert send(made.token, x_craftkit_signature=signed(made.secret)).status == 202


def test_receive_hook__a_signature_by_another_hooks_secret_is_refused(
    send: Send, project: DemoProject, made: MadeHook
) -> None:
    other = make(project)
    answer = send(made.token, x_craftkit_signature=signed(other.secret))
    assert (answer.status, answer.code) == (401, "invalid_signature")


def test_receive_hook__unknown_malformed_and_switched_off_tokens_are_the_same_404(
    send: Send, project: DemoProject, made: MadeHook
) -> None:
    service.switch_hook(project.id, made.hook.id, on=False, by="ada")
    answers = [send(token) for token in ("A" * 43, "x", "é" * 43, "A" * 44, made.token)]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "invalid_token")}
    assert len({json.dumps(answer.body) for answer in answers}) == 1


def test_receive_hook__a_token_of_another_stage_is_404(
    cloud: Cloud, send: Send, made: MadeHook
) -> None:
    """Another stage has its own table, without the token's hash."""
    table = cloud.table("ProjectsTable")
    for row in table.scan()["Items"]:
        if row["pk"].startswith("hook#"):
            table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    assert send(made.token).code == "invalid_token"


def test_receive_hook__a_malformed_token_is_refused_without_a_read(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.repository, "find", lambda _hash: pytest.fail("a read"))
    assert send("short").status == 404


def test_receive_hook__hooks_of_a_revoked_key_are_refused_at_the_next_call(
    send: Send, project: DemoProject, made: MadeHook
) -> None:
    assert send(made.token).status == 202
    keys.revoke_key(project.key.key.id, by="ada")
    answer = send(made.token)
    assert (answer.status, answer.code) == (401, "invalid_credentials")


def test_receive_hook__hooks_of_an_expired_key_are_refused(
    clock: FrozenClock, send: Send, project: DemoProject
) -> None:
    fields = NewKey(name="Short", mode="test", expires_at=clock.now.replace(hour=13))
    key = keys.create_key(project.id, fields, by="ada")
    made = service.create_hook(
        project.id, "invoice", key.key.id, requires_signature=False, by="ada"
    )
    assert send(made.token).status == 202
    clock.advance(hours=1)
    answer = send(made.token)
    assert (answer.status, answer.code) == (401, "invalid_credentials")


def test_receive_hook__an_unsigned_request_does_not_reveal_the_keys_state(
    send: Send, project: DemoProject
) -> None:
    made = make(project, requires_signature=True)
    keys.revoke_key(project.key.key.id, by="ada")
    assert send(made.token).code == "invalid_signature"


def test_receive_hook__an_idempotency_key_makes_one_render(
    cloud: Cloud, send: Send, made: MadeHook
) -> None:
    ids = {send(made.token, Idempotency_Key="delivery-1").body["id"] for _ in range(2)}
    assert len(ids) == 1
    assert len(cloud.messages("TestQueue")) == 1


def test_receive_hook__another_media_type_is_415_with_a_valid_token_only(
    send: Send, made: MadeHook
) -> None:
    assert send(made.token, Content_Type="text/plain").status == 415
    assert send("A" * 43, Content_Type="text/plain").status == 404


def test_rotate__the_old_token_and_secret_are_refused_at_once(
    send: Send, project: DemoProject, made: MadeHook
) -> None:
    rotated = service.rotate_hook(project.id, made.hook.id, by="ada")
    assert send(made.token).code == "invalid_token"
    answer = send(rotated.token, x_craftkit_signature=signed(made.secret))
    assert answer.code == "invalid_signature"
    assert send(rotated.token, x_craftkit_signature=signed(rotated.secret)).status == 202


def test_switch__disables_and_enables_the_hook(
    send: Send, project: DemoProject, made: MadeHook
) -> None:
    service.switch_hook(project.id, made.hook.id, on=False, by="ada")
    assert service.switch_hook(project.id, made.hook.id, on=True, by="ada").is_on
    assert send(made.token).status == 202


def test_create__stores_no_cleartext_token_or_secret(
    cloud: Cloud, project: DemoProject, made: MadeHook
) -> None:
    rows = repr(cloud.table("ProjectsTable").scan()["Items"])
    for shown_once in (made.token, made.secret):
        assert shown_once not in rows
        assert shown_once not in repr(made)
    assert made.hook.token_hash == hashlib.sha256(made.token.encode()).hexdigest()


def test_create__an_unknown_template_is_refused(project: DemoProject) -> None:
    with pytest.raises(TemplateNotFoundError):
        service.create_hook(
            project.id, "none", project.key.key.id, requires_signature=False, by="ada"
        )


def test_create__another_projects_key_is_unknown(project: DemoProject) -> None:
    other = make_project(name="Other")
    for key_id in (other.key.key.id, "0193c2c3-0000-7000-8000-000000000000"):
        with pytest.raises(NotFoundError):
            service.create_hook(project.id, "invoice", key_id, requires_signature=False, by="ada")


@pytest.mark.parametrize(
    "fields", [{"scopes": ("renders:read",)}, {"templates": ("quote",)}], ids=["scope", "template"]
)
def test_create__a_key_that_may_not_render_the_template_is_refused(
    cloud: Cloud, fields: dict[str, Any]
) -> None:
    project = make_project(**fields)
    with pytest.raises(InvalidRequestError):
        make(project)


def test_create__a_revoked_key_is_refused(project: DemoProject) -> None:
    keys.revoke_key(project.key.key.id, by="ada")
    with pytest.raises(InvalidRequestError):
        make(project)


def test_every_action_is_in_the_audit_log(project: DemoProject, made: MadeHook) -> None:
    service.switch_hook(project.id, made.hook.id, on=False, by="ada")
    service.switch_hook(project.id, made.hook.id, on=False, by="ada")
    service.switch_hook(project.id, made.hook.id, on=True, by="ada")
    service.rotate_hook(project.id, made.hook.id, by="ada")
    page = audit.list_entries(project.id, target=made.hook.id)
    assert [entry.action for entry in reversed(page.entries)] == [
        "hook.created",
        "hook.switched_off",
        "hook.switched_on",
        "hook.rotated",
    ]
    assert {entry.actor for entry in page.entries} == {"ada"}


def test_list__shows_the_projects_own_hooks(project: DemoProject, made: MadeHook) -> None:
    other = make_project(name="Other")
    make(other)
    assert [hook.id for hook in service.list_hooks(project.id)] == [made.hook.id]
    with pytest.raises(NotFoundError):
        service.get_hook(other.id, made.hook.id)


def test_receive_hook__a_repeat_shows_no_download_url(
    send: Send, project: DemoProject, made: MadeHook, typesetter: FakeTypesetter
) -> None:
    first = send(made.token, Idempotency_Key="delivery-1")
    render_document(project.id, first.body["id"], typeset=typesetter)
    again = send(made.token, Idempotency_Key="delivery-1")
    assert (again.status, again.body["id"]) == (202, first.body["id"])
    assert again.body["status"] == "succeeded"
    assert again.body["downloadUrl"] is again.body["downloadExpiresAt"] is None


def test_receive_hook__idempotency_keys_are_separate_for_each_hook(
    send: Send, call: Callable[..., Any], project: DemoProject, made: MadeHook
) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    by_api = call("create_render", project, body={"data": DATA}, headers=headers)
    hooks = (made, make(project))
    by_hooks = [send(hook.token, Idempotency_Key="order-4711") for hook in hooks]
    assert {answer.status for answer in (by_api, *by_hooks)} == {202}
    assert len({answer.body["id"] for answer in (by_api, *by_hooks)}) == 3
    named = call(
        "create_render", project, body={"data": DATA, "jobId": f"{made.hook.id}#order-4711"}
    )
    assert named.body["id"] not in {answer.body["id"] for answer in by_hooks}
