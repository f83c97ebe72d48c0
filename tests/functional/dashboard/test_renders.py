"""Renders in the dashboard: listed, shown, cancelled and retried."""

import re
from typing import Any

import boto3
import pytest

from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.renders import lifecycle
from craftkit.renders import service as renders
from craftkit.renders.models import Render, RenderRequest
from craftkit.typesetter import SourceError
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject
from testkit.visitor import Visitor, older
from tests.functional.dashboard.users import ADA


@pytest.fixture
def ada(cloud: Cloud, demo: DemoProject) -> Visitor:
    return Visitor(cloud).signs_in(ADA)


def path(demo: DemoProject, rest: str = "") -> str:
    return f"/dashboard/projects/{demo.id}/renders{rest}"


def make(demo: DemoProject, **changes: Any) -> Render:
    request = RenderRequest(data=DATA, **changes)
    render, _ = renders.create_render(demo.principal, "invoice", request, base_url="http://here")
    return render


def fail(render: Render) -> None:
    from craftkit.clock import utc_now

    held = lifecycle.claim(render.project_id, render.id, utc_now())
    lifecycle.fail(held, now=utc_now(), code="template_error", message="It broke: <b>x</b>")


def test_list_renders__without_renders_explains_the_first_step(
    ada: Visitor, demo: DemoProject
) -> None:
    assert "No renders yet" in ada.get(path(demo)).words


def test_list_renders__filters_by_status_mode_template_and_key(
    ada: Visitor, demo: DemoProject
) -> None:
    queued, failed = make(demo), make(demo)
    fail(failed)

    def shown(query: str) -> set[str]:
        page = ada.get(path(demo, query))
        assert page.status == 200
        return set(re.findall(r"/renders/([0-9a-f-]{36})", page.text))

    key = demo.key.key.id
    assert shown("") == {queued.id, failed.id}
    assert shown("?status=failed") == {failed.id}
    assert shown(f"?status=queued&mode=test&template=invoice&key={key}") == {queued.id}
    assert shown("?mode=live") == set()
    assert shown("?template=other") == set()
    assert shown("?status=&mode=&key=") == {queued.id, failed.id}
    assert ada.get(path(demo, "?status=eaten")).status == 400


def test_show_render__shows_the_error_and_the_structure_of_its_data(
    ada: Visitor, demo: DemoProject
) -> None:
    render = make(demo, metadata={"order": "4711"})
    fail(render)
    page = ada.get(path(demo, f"/{render.id}"))
    assert "template_error" in page.words
    assert "It broke: <b>x</b>" in page.words
    assert "4711" in page.words
    assert "text, 12 characters" in page.words
    assert "Ada Lovelace" not in page.words


def test_show_render__shows_its_pages(ada: Visitor, demo: DemoProject, compiler: Any) -> None:
    render = make(demo)
    page = ada.get(path(demo, f"/{render.id}/pages"), hx_request="true")
    assert page.text.count("data:image/png;base64,") == 1
    assert compiler.jobs[0].data["customer"]["name"] == "Ada Lovelace"
    compiler.failure = SourceError("gone", 1, 1)
    assert "cannot be shown" in ada.get(path(demo, f"/{render.id}/pages")).words


def test_show_render__pages_of_a_test_render_have_the_watermark_that_its_pdf_has(
    ada: Visitor, demo: DemoProject, compiler: Any
) -> None:
    ada.get(path(demo, f"/{make(demo).id}/pages"))
    assert compiler.jobs[-1].watermark


def test_show_state__an_unchanged_state_is_not_sent_again(ada: Visitor, demo: DemoProject) -> None:
    render = make(demo)
    asked = re.findall(r'hx-get="([^"]*/state[^"]*)"', ada.get(path(demo, f"/{render.id}")).text)[0]
    assert ada.get(asked, hx_request="true").status == 204
    fail(render)
    assert ada.get(asked, hx_request="true").status == 200


def test_list_renders__filters_by_a_key_that_many_newer_keys_follow(
    ada: Visitor, demo: DemoProject
) -> None:
    render = make(demo)
    for number in range(101):
        keys.create_key(demo.id, NewKey(name=f"Newer {number}", mode="test"), by=ADA.sub)
    page = ada.get(path(demo))
    assert re.search(rf"{render.id}.*?<td>{demo.key.key.name}</td>", page.text, re.DOTALL)
    for wanted in (demo.key.key.name.upper(), demo.key.key.id):
        assert render.id in ada.get(path(demo, f"?key={wanted}")).text
    assert render.id not in ada.get(path(demo, "?key=Newer+7")).text
    assert "No such API key" in ada.get(path(demo, "?key=nobody")).words


def test_show_render__polls_until_the_render_has_ended(ada: Visitor, demo: DemoProject) -> None:
    render = make(demo)
    assert 'hx-trigger="every 1s"' in ada.get(path(demo, f"/{render.id}/state")).text
    fail(render)
    assert "hx-trigger" not in ada.get(path(demo, f"/{render.id}/state")).text


def test_cancel__is_possible_only_while_queued(ada: Visitor, demo: DemoProject) -> None:
    render = make(demo)
    ada.follow(ada.post(path(demo, f"/{render.id}/cancel")))
    assert renders.get_render(demo.id, render.id).status == "cancelled"
    assert ada.post(path(demo, f"/{render.id}/cancel")).status == 409


def test_retry__is_possible_only_for_a_failed_render(
    ada: Visitor, demo: DemoProject, cloud: Cloud
) -> None:
    render = make(demo)
    assert ada.post(path(demo, f"/{render.id}/retry")).status == 409
    fail(render)
    cloud.messages("TestQueue")
    ada.follow(ada.post(path(demo, f"/{render.id}/retry")))
    again = renders.get_render(demo.id, render.id)
    assert (again.status, again.attempt) == ("queued", 2)
    assert [message["renderId"] for message in cloud.messages("TestQueue")] == [render.id]


def test_download__redirects_to_the_finished_document(
    clock: FrozenClock, ada: Visitor, demo: DemoProject
) -> None:
    render = make(demo)
    assert ada.get(path(demo, f"/{render.id}/download")).status == 409
    held = lifecycle.claim(demo.id, render.id, clock())
    lifecycle.succeed(held, now=clock(), page_count=1, size_bytes=9, sha256="x", warnings=())
    location = ada.get(path(demo, f"/{render.id}/download")).location
    assert f"{demo.id}/{render.id}.pdf" in location
    assert "X-Amz-Signature" in location


def test_list_renders__of_many_reads_one_page_of_the_table(
    ada: Visitor, demo: DemoProject, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 2,500 renders, the number of items read does not depend on their total."""
    _fill(cloud, demo, 2_500)
    reads: list[int] = []
    from craftkit.renders import repository

    original = repository._table().query

    class Counting:
        def query(self, **how: Any) -> Any:
            answer = original(**how)
            reads.append(answer["ScannedCount"])
            return answer

    monkeypatch.setattr(repository, "_table", Counting)
    page = ada.get(path(demo))
    assert page.text.count('scope="row"') == 25
    assert sum(reads) <= 26
    reads.clear()
    page = ada.get(path(demo, "?status=failed"))  # none of them
    assert sum(reads) <= 2_000
    assert "None of these 2 000 renders matches" in page.words
    assert "Search further back" in page.words
    assert "None of these 502 renders matches" in ada.get(older(page)).words


def _fill(cloud: Cloud, demo: DemoProject, number: int) -> None:
    render = make(demo)
    table: Any = boto3.resource("dynamodb").Table(cloud.names["RendersTable"])
    key = {"project_id": demo.id, "render_id": render.id}
    row = table.get_item(Key=key)["Item"]
    with table.batch_writer() as batch:
        for _ in range(number):
            batch.put_item(Item={**row, "render_id": new_id()})
