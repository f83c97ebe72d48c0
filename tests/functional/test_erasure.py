"""DELETE /v1/renders/{id} and `options.expiresInSeconds`: what is erased, and what stays."""

import json
import zlib
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from cryptography.exceptions import InvalidTag

from craftkit.clock import utc_now
from craftkit.errors import NotFoundError
from craftkit.renders import inputs, repository, service
from craftkit.usage import metering
from craftkit.webhooks import render_events
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from testkit.cloud import Cloud
from testkit.contents import places_of
from testkit.project import DATA, DemoProject, make_project, publish
from typesetting import typeset
from typesetting.worker import render_document

SECRET = "Vertraulich-8f21"
NAMED: dict[str, Any] = {
    "data": {**DATA, "customer": {"name": SECRET}},
    "metadata": {"order": SECRET},
    "jobId": SECRET,
    "options": {"filename": f"{SECRET}.pdf"},
}


def make(call: Any, project: DemoProject, finish: bool = True, **body: Any) -> str:
    made = call("create_render", project, body={**NAMED, **body})
    assert made.status == 202, made.body
    if finish:
        render_document(project.id, made.body["id"], typeset=typeset)
    return str(made.body["id"])


def delete(call: Any, project: Any, render_id: str) -> Any:
    return call("delete_render", project, path={"id": render_id})


@pytest.fixture
def live(cloud: Cloud) -> DemoProject:
    return make_project("live")


def test_delete_render__is_204_then_every_route_of_it_is_404(
    call: Any, project: DemoProject
) -> None:
    id_ = make(call, project)
    answer = delete(call, project, id_)
    assert (answer.status, answer.body) == (204, None)
    for route in ("delete_render", "get_render", "download_render", "cancel_render"):
        again = call(route, project, path={"id": id_})
        assert (again.status, again.code) == (404, "not_found"), route
    assert call("list_renders", project).body["renders"] == []


@pytest.mark.parametrize("size", [10, 3_000, 200_000])
def test_delete_render__removes_all_content(
    cloud: Cloud, call: Any, live: DemoProject, size: int
) -> None:
    noise = "".join(f"{number:x} " for number in range(size))
    data = {**DATA, "customer": {"name": SECRET}, "number": noise[:size]}
    id_ = make(call, live, finish=False, data=data)
    assert places_of(SECRET, boto3.client)
    bucket = cloud.names["DocumentsBucket"]
    boto3.client("s3").put_object(Bucket=bucket, Key=f"renders/{live.id}/{id_}.pdf", Body=b"%PDF")
    assert delete(call, live, id_).status == 204
    assert places_of(SECRET, boto3.client) == []
    assert boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", []) == []
    rows = [
        item["render_id"]
        for item in cloud.table("RendersTable").scan()["Items"]
        if not item["render_id"].startswith("idempotency#")
    ]
    assert rows == [id_]
    (row,) = [i for i in cloud.table("RendersTable").scan()["Items"] if i["render_id"] == id_]
    assert not {"input", "input_item", "input_key", "metadata", "job_id"} & set(row)


@pytest.mark.parametrize("size", [10, 3_000, 200_000])
def test_delete_render__makes_every_copy_of_its_data_unreadable(
    cloud: Cloud, call: Any, live: DemoProject, size: int
) -> None:
    """A backup has the row, the item and the object as they were; it has no key."""
    noise = "".join(f"{number:x} " for number in range(size))
    data = {**DATA, "number": noise[:size]}
    id_ = make(call, live, finish=False, data=data)
    row = repository.get_item(live.id, id_)
    assert row is not None
    assert inputs.load(row)["number"] == noise[:size]
    copies = {
        name: cloud.table(name).scan()["Items"] for name in ("RendersTable", "RenderKeysTable")
    }
    bucket, s3 = cloud.names["DocumentsBucket"], boto3.client("s3")
    objects = {
        entry["Key"]: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    }
    assert delete(call, live, id_).status == 204
    assert cloud.table("RenderKeysTable").scan()["Items"] == []
    for item in copies["RendersTable"]:
        cloud.table("RendersTable").put_item(Item=item)
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    with pytest.raises(NotFoundError, match="no longer kept"):
        inputs.load(row)
    (key_row,) = copies["RenderKeysTable"]
    cloud.table("RenderKeysTable").put_item(Item=key_row)
    assert inputs.load(row)["number"] == noise[:size]  # it was the key alone that was missing


def test_create_render__the_data_of_each_render_has_its_own_key_and_is_bound_to_it(
    cloud: Cloud, call: Any, live: DemoProject
) -> None:
    first, second = (make(call, live, finish=False, jobId=name) for name in "ab")
    rows = [repository.get_item(live.id, id_) for id_ in (first, second)]
    assert rows[0] and rows[1] and rows[0]["input"] != rows[1]["input"]
    keys = {bytes(item["key"]) for item in cloud.table("RenderKeysTable").scan()["Items"]}
    assert [len(key) for key in keys] == [32, 32]
    with pytest.raises(InvalidTag):
        inputs.load({**rows[1], "input": rows[0]["input"]})


def test_create_render__a_retry_extends_the_data_key_with_the_row(
    cloud: Cloud, call: Any, clock: Any, live: DemoProject
) -> None:
    publish(live.id, "invoice", source="#assert(false)")
    id_ = make(call, live)
    clock.advance(days=1)
    with cloud.as_function("DashboardFunction"):
        service.retry_render(live.id, id_)
    (key,) = cloud.table("RenderKeysTable").scan()["Items"]
    row = repository.get_item(live.id, id_)
    assert row and key["expires_at"] == row["expires_at"]


def test_data__of_a_row_that_is_not_encrypted_is_read(call: Any, live: DemoProject) -> None:
    row = {"project_id": live.id, "render_id": "r", "input": zlib.compress(b'{"total": 1}')}
    assert inputs.load(row) == {"total": 1}


def test_delete_render__erases_the_webhook_deliveries_that_hold_its_metadata(
    cloud: Cloud, call: Any, live: DemoProject
) -> None:
    with cloud.as_function("DashboardFunction"):
        webhooks.create_endpoint(
            live.id,
            NewEndpoint(url="https://example.com/hook"),
            by="system",
            check=lambda _url, _policy: None,
        )
    id_ = make(call, live)
    now = utc_now()
    render_events.reconcile(live.id, now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert places_of(SECRET, boto3.client)
    delete(call, live, id_)
    assert places_of(SECRET, boto3.client) == []


@pytest.mark.parametrize("ends", ["queued", "rendering"])
def test_delete_render__an_unfinished_render_is_cancelled_without_a_document(
    cloud: Cloud, call: Any, clock: Any, live: DemoProject, ends: str
) -> None:
    id_ = make(call, live, finish=False)
    if ends == "queued":
        delete(call, live, id_)
        assert render_document(live.id, id_, typeset=typeset) is None
    else:

        def typeset_meanwhile(job: Any) -> Any:
            assert delete(call, live, id_).status == 204
            return typeset(job)

        assert render_document(live.id, id_, typeset=typeset_meanwhile) is None
    row = cloud.table("RendersTable").get_item(Key={"project_id": live.id, "render_id": id_})
    assert row["Item"]["status"] == "cancelled"
    clock.advance(minutes=3)
    cloud.invoke("requeue_stale_renders", {})
    assert places_of(SECRET, boto3.client) == []
    objects = boto3.client("s3").list_objects_v2(Bucket=cloud.names["DocumentsBucket"])
    assert objects.get("Contents", []) == []
    row = cloud.table("RendersTable").get_item(Key={"project_id": live.id, "render_id": id_})
    assert "unfinished" not in row["Item"]


def test_delete_render__usage_still_counts_the_render(call: Any, live: DemoProject) -> None:
    delete(call, live, make(call, live))
    now = utc_now()
    metering.reconcile(live.id, now - timedelta(hours=1), now + timedelta(hours=1))
    rows = call("get_usage", live, query={}).body["usage"]
    assert [(row["renders"], row["pages"]) for row in rows] == [(1, 1)]


@pytest.mark.parametrize("caller", ["other project", "other mode", "other template"])
def test_delete_render__a_render_outside_the_keys_access_is_404_and_stays(
    call: Any, live: DemoProject, caller: str
) -> None:
    id_ = make(call, live)
    others = {
        "other project": make_project("live").principal,
        "other mode": replace(live.principal, mode="test"),
        "other template": replace(live.principal, templates=frozenset({"letter"})),
    }
    assert delete(call, SimpleNamespace(principal=others[caller]), id_).code == "not_found"
    assert call("get_render", live, path={"id": id_}).status == 200


def test_delete_render__needs_its_scope(call: Any) -> None:
    reader = make_project("live", scopes=frozenset({"renders:read"}))
    answer = delete(call, reader, "019cec2a-2000-7000-8000-000000000001")
    assert (answer.status, answer.code) == (403, "insufficient_scope")


def test_create_render__the_idempotency_key_of_a_deleted_render_is_free_again(
    call: Any, live: DemoProject
) -> None:
    first = make(call, live)
    delete(call, live, first)
    assert make(call, live) != first


def test_render__is_404_from_its_requested_expiry(
    cloud: Cloud, call: Any, clock: Any, live: DemoProject
) -> None:
    options = {**NAMED["options"], "expiresInSeconds": 60}
    id_ = make(call, live, options=options)
    read = call("get_render", live, path={"id": id_})
    assert read.status == 200
    assert read.body["expiresAt"] > read.body["createdAt"]
    clock.advance(seconds=61)
    assert call("get_render", live, path={"id": id_}).code == "not_found"
    assert call("list_renders", live).body["renders"] == []
    assert places_of(SECRET, boto3.client)
    cloud.invoke("requeue_stale_renders", {})
    assert places_of(SECRET, boto3.client) == []
    objects = boto3.client("s3").list_objects_v2(Bucket=cloud.names["DocumentsBucket"])
    assert objects.get("Contents", []) == []


def test_render__shows_the_default_expiry_of_the_stage(call: Any, live: DemoProject) -> None:
    made = call("create_render", live, body={"data": DATA})
    read = call("get_render", live, path={"id": made.body["id"]})
    assert made.body["expiresAt"][:16] == read.body["expiresAt"][:16] > made.body["createdAt"]


@pytest.mark.parametrize("seconds", [59, 0, -1, 10**9, "60", 60.5])
def test_create_render__an_expiry_out_of_range_is_400(
    call: Any, live: DemoProject, seconds: Any
) -> None:
    body = {"data": DATA, "options": {"expiresInSeconds": seconds}}
    answer = call("create_render", live, body=body)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "options.expiresInSeconds" in json.dumps(answer.body)


def test_render__cancelled_and_failed_renders_expire(
    cloud: Cloud, call: Any, clock: Any, live: DemoProject
) -> None:
    options = {"expiresInSeconds": 60}
    cancelled = make(call, live, finish=False, options=options, jobId="a")
    call("cancel_render", live, path={"id": cancelled})
    publish(live.id, "invoice", source="#assert(false)")
    make(call, live, options=options, jobId="b")
    clock.advance(seconds=61)
    cloud.invoke("requeue_stale_renders", {})
    assert places_of(SECRET, boto3.client) == []
