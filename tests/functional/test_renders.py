"""Reading, listing, downloading and cancelling renders."""

import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from testkit.project import DATA, DemoProject, make_project, publish
from testkit.typesetter import FakeTypesetter
from typesetting.worker import render_document


@pytest.fixture
def queued(call: Any, project: DemoProject) -> str:
    return str(call("create_render", project, body={"data": DATA}).body["id"])


@pytest.fixture
def finished(queued: str, project: DemoProject, typesetter: FakeTypesetter) -> str:
    render_document(project.id, queued, typeset=typesetter)
    return queued


def test_get_render__a_queued_render_has_no_document(
    call: Any, project: DemoProject, queued: str
) -> None:
    answer = call("get_render", project, path={"id": queued})
    assert answer.status == 200
    assert answer.body["status"] == "queued"
    assert answer.body["downloadUrl"] is None
    assert answer.body["completedAt"] is None


def test_get_render__a_finished_render_has_a_signed_url_of_at_most_an_hour(
    call: Any, project: DemoProject, finished: str
) -> None:
    body = call("get_render", project, path={"id": finished}).body
    assert body["status"] == "succeeded"
    assert body["pageCount"] == 1
    assert len(body["sha256"]) == 64
    lifetime = int(parse_qs(urlsplit(body["downloadUrl"]).query)["X-Amz-Expires"][0])
    assert 0 < lifetime <= 3600


@pytest.mark.parametrize("route", ["get_render", "download_render", "cancel_render"])
def test_renders__unknown_foreign_and_malformed_ids_are_the_same_404(
    call: Any, project: DemoProject, route: str
) -> None:
    other = make_project(name="Other")
    foreign = call("create_render", other, body={"data": DATA}).body["id"]
    answers = [
        call(route, project, path={"id": id_})
        for id_ in (foreign, new_id(), "nope", "idempotency#x")
    ]
    assert {answer.status for answer in answers} == {404}
    assert {answer.code for answer in answers} == {"not_found"}
    assert answers[0].body == answers[1].body


def test_download_render__is_302_to_the_signed_url(
    call: Any, project: DemoProject, finished: str
) -> None:
    answer = call("download_render", project, path={"id": finished})
    assert answer.status == 302
    assert f"{finished}.pdf" in answer.headers["Location"]


def test_download_render__before_it_is_finished_is_409(
    call: Any, project: DemoProject, queued: str
) -> None:
    answer = call("download_render", project, path={"id": queued})
    assert (answer.status, answer.code) == (409, "not_ready")


def test_cancel_render__cancels_a_queued_render_and_the_worker_skips_it(
    call: Any, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    answer = call("cancel_render", project, path={"id": queued})
    assert (answer.status, answer.body["status"]) == (200, "cancelled")
    assert render_document(project.id, queued, typeset=typesetter) is None
    assert typesetter.jobs == []


def test_cancel_render__a_finished_render_is_409(
    call: Any, project: DemoProject, finished: str
) -> None:
    answer = call("cancel_render", project, path={"id": finished})
    assert (answer.status, answer.code) == (409, "not_cancellable")


def test_list_renders__pages_are_newest_first_without_gap_or_duplicate(
    call: Any, project: DemoProject
) -> None:
    made = [call("create_render", project, body={"data": DATA}).body["id"] for _ in range(5)]
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        body = call("list_renders", project, query=query).body
        seen += [render["id"] for render in body["renders"]]
        if body["nextCursor"] is None:
            break
        query = {"limit": "2", "cursor": body["nextCursor"]}
    assert seen == made[::-1]


@pytest.fixture
def confined(project: DemoProject) -> DemoProject:
    """Another key of the project, limited to the template `letter`."""
    publish(project.id, "letter")
    new_key = NewKey(name="Letters", mode="test", templates=("letter",))
    return replace(project, key=keys.create_key(project.id, new_key, by="tester"))


@pytest.mark.parametrize("route", ["get_render", "download_render", "cancel_render"])
def test_renders__of_a_forbidden_template_are_404(
    call: Any, project: DemoProject, confined: DemoProject, finished: str, route: str
) -> None:
    waiting = call("create_render", project, body={"data": DATA}).body["id"]
    refused = [call(route, confined, path={"id": id_}) for id_ in (finished, waiting, new_id())]
    assert {(answer.status, answer.code) for answer in refused} == {(404, "not_found")}
    assert refused[0].body == refused[2].body
    assert call("get_render", project, path={"id": waiting}).body["status"] == "queued"
    own = call("create_render", confined, path={"slug": "letter"}, body={"data": DATA}).body["id"]
    assert call("cancel_render", confined, path={"id": own}).status == 200


def test_list_renders__a_restricted_key_sees_renders_of_its_templates_only(
    call: Any, project: DemoProject, confined: DemoProject, finished: str
) -> None:
    own = call("create_render", confined, path={"slug": "letter"}, body={"data": DATA}).body["id"]
    call("create_render", project, body={"data": DATA})
    assert [each["id"] for each in call("list_renders", confined).body["renders"]] == [own]
    queued = call("list_renders", confined, query={"status": "queued"})
    assert [each["id"] for each in queued.body["renders"]] == [own]
    assert len(call("list_renders", project).body["renders"]) == 3


def test_list_renders__hides_idempotency_claims(call: Any, project: DemoProject) -> None:
    call("create_render", project, body={"data": DATA}, headers={"Idempotency-Key": "a"})
    assert len(call("list_renders", project, query={}).body["renders"]) == 1


def test_list_renders__filters_by_status_across_pages(
    call: Any, project: DemoProject, finished: str
) -> None:
    for _ in range(3):
        call("create_render", project, body={"data": DATA})
    body = call("list_renders", project, query={"status": "succeeded", "limit": "1"}).body
    assert [render["id"] for render in body["renders"]] == [finished]


def test_list_renders__filters_by_template_key_and_metadata(
    call: Any, project: DemoProject, confined: DemoProject
) -> None:
    letter = call("create_render", confined, path={"slug": "letter"}, body={"data": DATA}).body
    invoice = call("create_render", project, body={"data": DATA, "metadata": {"order.no": "4711"}})
    call("create_render", project, body={"data": DATA, "metadata": {"order.no": "4712"}})

    def listed(**query: str) -> list[str]:
        body = call("list_renders", project, query=query).body
        return [render["id"] for render in body["renders"]]

    assert listed(templateSlug="letter") == [letter["id"]]
    assert listed(keyId=confined.key.key.id) == [letter["id"]]
    assert listed(metadata="order.no:4711") == [invoice.body["id"]]
    assert listed(metadata="order.no:4711", templateSlug="letter") == []


def test_list_renders__filters_by_time_of_creation(call: Any, project: DemoProject) -> None:
    made = []
    for _ in range(3):
        time.sleep(0.003)
        made.append(call("create_render", project, body={"data": DATA}).body)
    times = [render["createdAt"] for render in made]

    def listed(**query: str) -> list[str]:
        body = call("list_renders", project, query=query).body
        return [render["id"] for render in body["renders"]]

    assert listed(**{"from": times[1]}) == [made[2]["id"], made[1]["id"]]
    assert listed(to=times[1]) == [made[0]["id"]]
    assert listed(**{"from": times[1], "to": times[2]}) == [made[1]["id"]]
    assert len(listed(**{"from": times[0][:10]})) == 3


def test_list_renders__a_cursor_is_valid_for_the_same_filters_only(
    call: Any, project: DemoProject
) -> None:
    for _ in range(2):
        call("create_render", project, body={"data": DATA})
    query = {"templateSlug": "invoice", "limit": "1"}
    cursor = call("list_renders", project, query=query).body["nextCursor"]
    again = call("list_renders", project, query={**query, "cursor": cursor})
    assert (again.status, len(again.body["renders"])) == (200, 1)
    answer = call("list_renders", project, query={"limit": "1", "cursor": cursor})
    assert (answer.status, answer.code) == (400, "invalid_cursor")


def test_list_renders__another_projects_cursor_is_refused(call: Any, project: DemoProject) -> None:
    other = make_project(name="Other")
    for _ in range(2):
        call("create_render", other, body={"data": DATA})
    cursor = call("list_renders", other, query={"limit": "1"}).body["nextCursor"]
    assert other.id not in cursor
    answer = call("list_renders", project, query={"cursor": cursor})
    assert (answer.status, answer.code) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        ({"to": "0145-09-11T03:53:43Z"}, 0),
        ({"to": "0001-01-01T00:00:00+14:00"}, 0),
        ({"from": "0001-01-01"}, 1),
        ({"from": "0001-01-01T00:00:00+14:00"}, 1),
        ({"from": "1970-01-01", "to": "9999-12-31T23:59:59-14:00"}, 1),
        ({"from": "9999-12-31T23:59:59-14:00"}, 0),
    ],
    ids=str,
)
def test_list_renders__a_time_range_far_from_now_is_empty(
    call: Any, project: DemoProject, bounds: dict[str, str], count: int
) -> None:
    call("create_render", project, path={"slug": "invoice"}, body={"data": DATA})
    answer = call("list_renders", project, query=bounds)
    assert (answer.status, len(answer.body["renders"])) == (200, count)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "invalid_request"),
        ({"limit": "101"}, "invalid_request"),
        ({"limit": "x"}, "invalid_request"),
        ({"status": "lost"}, "invalid_request"),
        ({"page": "2"}, "invalid_request"),
        ({"from": "yesterday"}, "invalid_request"),
        ({"from": "1700000000"}, "invalid_request"),
        ({"from": "2026-03-14", "to": "2026-03-14"}, "invalid_request"),
        ({"metadata": "order"}, "invalid_request"),
        ({"cursor": "forged"}, "invalid_cursor"),
        ({"cursor": "é"}, "invalid_cursor"),
    ],
)
def test_list_renders__a_bad_query_is_400(
    call: Any, project: DemoProject, query: dict[str, str], code: str
) -> None:
    answer = call("list_renders", project, query=query)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("route", ["get_render", "download_render", "list_renders"])
def test_renders__reading_needs_its_scope(call: Any, route: str) -> None:
    project = make_project(scopes=("renders:write",))
    answer = call(route, project, path={"id": new_id()})
    assert (answer.status, answer.code) == (403, "insufficient_scope")


@pytest.fixture
def live(project: DemoProject) -> DemoProject:
    """A live key of the same project, in addition to its test key."""
    key = keys.create_key(project.id, NewKey(name="Live", mode="live"), by="tester")
    return replace(project, key=key)


@pytest.mark.parametrize("route", ["get_render", "download_render", "cancel_render"])
@pytest.mark.parametrize("is_finished", [False, True])
def test_renders__of_the_other_mode_are_the_same_404_as_another_projects(
    call: Any,
    project: DemoProject,
    live: DemoProject,
    typesetter: FakeTypesetter,
    route: str,
    is_finished: bool,
) -> None:
    other = make_project("test", name="Other")
    for mine, others in ((project, live), (live, project), (other, project)):
        id_ = call("create_render", mine, body={"data": DATA}).body["id"]
        if is_finished:
            render_document(mine.id, id_, typeset=typesetter)
        refused = [call(route, others, path={"id": each}) for each in (id_, new_id())]
        assert {(answer.status, answer.code) for answer in refused} == {(404, "not_found")}
        assert refused[0].body == refused[1].body
        status = call("get_render", mine, path={"id": id_}).body["status"]
        assert status == ("succeeded" if is_finished else "queued")


def test_list_renders__returns_the_keys_own_mode_only(
    call: Any, project: DemoProject, live: DemoProject
) -> None:
    made = {
        name: [call("create_render", key, body={"data": DATA}).body["id"] for _ in range(3)]
        for name, key in (("test", project), ("live", live), ("test too", project))
    }
    ids = [each["id"] for each in call("list_renders", live).body["renders"]]
    assert ids == made["live"][::-1]
    page = call("list_renders", project, query={"limit": "4"}).body
    rest = call("list_renders", project, query={"cursor": page["nextCursor"]}).body
    seen = [each["id"] for each in (*page["renders"], *rest["renders"])]
    assert seen == [*made["test too"][::-1], *made["test"][::-1]]


def test_list_renders__a_cursor_of_the_other_mode_is_refused(
    call: Any, project: DemoProject, live: DemoProject
) -> None:
    for _ in range(2):
        call("create_render", project, body={"data": DATA})
    cursor = call("list_renders", project, query={"limit": "1"}).body["nextCursor"]
    assert call("list_renders", live, query={"cursor": cursor}).status == 400
