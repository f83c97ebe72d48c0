"""POST /v1/templates/{slug}/render, each outcome that a caller can meet."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project

BODY = {"data": DATA}


def rows(cloud: Cloud) -> list[dict[str, Any]]:
    return list(cloud.table("RendersTable").scan()["Items"])


@pytest.fixture
def broken_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def send_message(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://sqs")

    monkeypatch.setattr("craftkit.queues._sqs", Broken)


def test_create_render__is_202_with_a_poll_url_and_a_message_in_its_modes_queue(
    cloud: Cloud, call: Any, project: DemoProject
) -> None:
    answer = call("create_render", project, body=BODY)
    assert answer.status == 202
    assert answer.body["status"] == "queued"
    assert answer.body["mode"] == "test"
    assert answer.body["pollUrl"].endswith(f"/v1/renders/{answer.body['id']}")
    assert answer.headers["x-request-id"]
    message = {"projectId": project.id, "renderId": answer.body["id"]}
    assert cloud.messages("TestQueue") == [message]
    assert cloud.messages("LiveQueue") == []


def test_create_render__a_live_key_uses_the_live_pool(cloud: Cloud, call: Any) -> None:
    project = make_project("live")
    assert call("create_render", project, body=BODY).body["mode"] == "live"
    assert len(cloud.messages("LiveQueue")) == 1


def test_create_render__is_queued_in_the_message_group_of_its_project(
    cloud: Cloud, call: Any
) -> None:
    """A flood of one project must not delay other projects."""
    projects = [make_project("live"), make_project("live")]
    for project in projects:
        call("create_render", project, body=BODY)
    assert set(cloud.groups("LiveQueue")) == {project.id for project in projects}


def test_create_render__returns_metadata_and_filename(call: Any, project: DemoProject) -> None:
    options = {"filename": "Invoice 1.pdf"}
    body = {**BODY, "metadata": {"order": "4711"}, "options": options}
    answer = call("create_render", project, body=body)
    assert answer.body["metadata"] == {"order": "4711"}
    assert answer.body["filename"] == "Invoice 1.pdf"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("not json", "invalid_json"),
        ("", "invalid_json"),
        ('{"data": {"total": NaN}}', "invalid_json"),
        ('{"data": {"total": 1e400}}', "invalid_json"),
        (r'{"data": {"customer": {"name": "\ud800"}}}', "invalid_json"),
        (r'{"data": {}, "\udfff": 1}', "invalid_json"),
        ('{"data": {}, "data": {}}', "invalid_json"),
        ("[]", "invalid_request"),
        ('{"data": []}', "invalid_request"),
        ('{"data": {}, "extra": 1}', "invalid_request"),
        ('{"data": {}, "options": {"filename": "../x.pdf"}}', "invalid_request"),
        ('{"data": {}, "options": {"sync": "yes"}}', "invalid_request"),
        ('{"data": {}, "metadata": {"a": 1}}', "invalid_request"),
        ('{"data": ' + '{"a":' * 25 + "1" + "}" * 25 + "}", "invalid_request"),
        ("[" * 100_000, "invalid_json"),
        ('{"data": {}}', "invalid_input_data"),
    ],
)
def test_create_render__an_invalid_body_is_400_and_stores_nothing(
    cloud: Cloud, call: Any, project: DemoProject, body: str, code: str
) -> None:
    answer = call("create_render", project, body=body)
    assert (answer.status, answer.code) == (400, code)
    assert rows(cloud) == []


def test_create_render__at_most_100_issues_are_returned(call: Any, project: DemoProject) -> None:
    answer = call("create_render", project, body={f"x{n}": n for n in range(20_000)})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert len(answer.field_errors) == 100
    assert answer.body["error"]["issues"]["formErrors"] == ["19901 more issues like these"]


def test_create_render__issues_have_the_dotted_path_of_each_error(
    call: Any, project: DemoProject
) -> None:
    items = [*DATA["items"], {"name": "Wheel", "qty": "many", "price": 1}]
    body = {"data": {"customer": {}, "items": items, "total": "1"}}
    answer = call("create_render", project, body=body)
    assert answer.code == "invalid_input_data"
    assert set(answer.field_errors) == {"customer.name", "items.1.qty"}
    assert answer.field_errors["customer.name"] == ["Required"]


def test_create_render__a_loop_of_10001_is_refused(call: Any, project: DemoProject) -> None:
    items = [{"name": "n", "qty": 1, "price": 1}] * 10_001
    answer = call("create_render", project, body={"data": {**DATA, "items": items}})
    assert (answer.status, answer.code) == (400, "invalid_input_data")
    assert list(answer.field_errors) == ["items"]


def test_create_render__2_mb_is_413(call: Any, project: DemoProject) -> None:
    body = json.dumps({"data": {"number": "x" * 2_000_000}})
    answer = call("create_render", project, body=body)
    assert (answer.status, answer.code) == (413, "payload_too_large")


def test_create_render__another_media_type_is_415(call: Any, project: DemoProject) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = call("create_render", project, body=BODY, headers=headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_create_render__data_too_large_for_a_row_is_stored_in_the_bucket(
    cloud: Cloud, call: Any, project: DemoProject
) -> None:
    number = "".join(chr(0x4E00 + i * 7919 % 20_000) for i in range(40_000))
    answer = call("create_render", project, body={"data": {**DATA, "number": number}})
    assert answer.status == 202
    [row] = rows(cloud)
    kept = boto3.client("s3").get_object(
        Bucket=cloud.names["DocumentsBucket"], Key=row["input_key"]
    )
    assert kept["ContentLength"] > 32 * 1024


def test_create_render__unknown_and_foreign_templates_are_the_same_404(
    call: Any, project: DemoProject
) -> None:
    other = make_project(name="Other", slug="secret-plan")
    assert other.id != project.id
    unknown = call("create_render", project, body=BODY, path={"slug": "no-such"})
    foreign = call("create_render", project, body=BODY, path={"slug": "secret-plan"})
    assert (unknown.status, unknown.code) == (404, "template_not_found")
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body)


def test_create_render__unknown_version_is_404(call: Any, project: DemoProject) -> None:
    answer = call("create_render", project, body={**BODY, "options": {"versionNumber": 9}})
    assert (answer.status, answer.code) == (404, "version_not_found")


def test_create_render__a_key_without_the_scope_is_403_that_names_it(call: Any) -> None:
    project = make_project(scopes=("renders:read",))
    answer = call("create_render", project, body=BODY)
    assert (answer.status, answer.code) == (403, "insufficient_scope")
    assert "renders:write" in answer.body["error"]["message"]


def test_create_render__a_restricted_key_cannot_detect_other_templates(call: Any) -> None:
    project = make_project(templates=("quote",))
    existing = call("create_render", project, body=BODY)
    missing = call("create_render", project, body=BODY, path={"slug": "no-such"})
    assert (existing.status, existing.code) == (403, "insufficient_scope")
    assert existing.body == missing.body


def test_create_render__the_same_key_and_body_is_one_render(
    cloud: Cloud, call: Any, project: DemoProject
) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    first = call("create_render", project, body=BODY, headers=headers)
    second = call("create_render", project, body=BODY, headers=headers)
    assert (first.status, second.status) == (202, 200)
    assert first.body["id"] == second.body["id"]
    assert len(cloud.messages("TestQueue")) == 1


def test_create_render__a_job_id_is_an_idempotency_key(call: Any, project: DemoProject) -> None:
    body = {**BODY, "jobId": "job-1"}
    first = call("create_render", project, body=body)
    second = call("create_render", project, body=body)
    assert (second.status, second.body["id"]) == (200, first.body["id"])
    assert first.body["jobId"] == second.body["jobId"] == "job-1"
    assert call("create_render", project, body=BODY).body["jobId"] is None


def test_create_render__the_same_key_with_another_body_is_409(
    cloud: Cloud, call: Any, project: DemoProject
) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    first = call("create_render", project, body=BODY, headers=headers)
    other = {"data": {**DATA, "total": "1.00"}}
    answer = call("create_render", project, body=other, headers=headers)
    assert (answer.status, answer.code) == (409, "idempotency_conflict")
    assert answer.body["error"]["renderId"] == first.body["id"]
    assert first.body["id"] in answer.body["error"]["message"]
    assert len(cloud.messages("TestQueue")) == 1


def test_create_render__the_same_idempotency_key_makes_a_render_in_each_mode(
    call: Any, project: DemoProject
) -> None:
    new_key = NewKey(name="Live", mode="live")
    live = replace(project, key=keys.create_key(project.id, new_key, by="tester"))
    body, headers = {"data": DATA}, {"Idempotency-Key": "order-4711"}
    test = call("create_render", project, body=body, headers=headers)
    real = call("create_render", live, body=body, headers=headers)
    assert (test.body["mode"], real.body["mode"]) == ("test", "live")
    assert real.status == 202
    for of_mode, first in ((project, test), (live, real)):
        again = call("create_render", of_mode, body=body, headers=headers)
        assert (again.status, again.body["id"]) == (200, first.body["id"])


def test_create_render__two_projects_can_use_the_same_idempotency_key(
    call: Any, project: DemoProject
) -> None:
    other = make_project(name="Other")
    headers = {"Idempotency-Key": "order-4711"}
    first = call("create_render", project, body=BODY, headers=headers)
    second = call("create_render", other, body=BODY, headers=headers)
    assert second.status == 202
    assert first.body["id"] != second.body["id"]


@pytest.mark.usefixtures("broken_queue")
def test_create_render__an_unreachable_queue_is_503_and_leaves_no_orphan(
    cloud: Cloud, call: Any, project: DemoProject
) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    answer = call("create_render", project, body=BODY, headers=headers)
    assert (answer.status, answer.code) == (503, "queue_unavailable")
    assert answer.headers["Retry-After"]
    assert rows(cloud) == []


def test_create_render__takes_four_aws_calls_and_at_most_the_charge_when_the_version_is_warm(
    call: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("create_render", project, body=BODY)
    made: list[str] = []
    make_call = boto3.client("sts").__class__.__mro__[1]._make_api_call  # type: ignore[attr-defined]

    def counting(client: Any, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return make_call(client, operation, parameters)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", counting)
    assert call("create_render", project, body=BODY).status == 202
    # The pointer to the version, the data's key, the row, the message. A charge serves the requests
    # of a tenth of a second.
    without_charge = [operation for operation in made if operation != "UpdateItem"]
    assert without_charge == ["GetItem", "PutItem", "PutItem", "SendMessage"]
    assert len(made) <= 5
