"""The lists of the dashboard: search, dates, totals, CSV, and the names in the audit log."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest

from craftkit.batches import service as batches
from craftkit.batches.models import BatchRequest
from craftkit.clock import utc_now
from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.renders import service as renders
from craftkit.renders.models import RenderRequest
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project
from testkit.visitor import Page, Visitor
from tests.functional.dashboard.users import ADA

LISTS = ("/renders", "/keys", "/audit", "/requests", "/batches", "/embed/sessions")


@pytest.fixture
def ada(cloud: Cloud, demo: DemoProject) -> Visitor:
    return Visitor(cloud).signs_in(ADA)


@pytest.fixture
def render(demo: DemoProject) -> Any:
    def make(**changes: Any) -> str:
        request = RenderRequest.model_validate({"data": DATA, **changes})
        made, _ = renders.create_render(demo.principal, "invoice", request, base_url="http://x")
        return made.id

    return make


def path(demo: DemoProject, rest: str = "") -> str:
    return f"/dashboard/projects/{demo.id}{rest}"


def ids(page: Page) -> list[str]:
    assert page.status == 200, page.words
    return re.findall(r'<tr id="[a-z]+-([^"]*)"', page.text)


def table(page: Page) -> list[dict[str, str]]:
    assert page.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(page.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("list_", LISTS)
def test_every_list__has_search_dates_a_total_and_csv(
    ada: Visitor, demo: DemoProject, list_: str
) -> None:
    page = ada.get(path(demo, list_))
    for name in ("q", "since", "until"):
        assert f'name="{name}"' in page.text
    assert (
        ada.get(path(demo, f"{list_}?part=csv"))
        .headers["Content-Disposition"]
        .startswith("attachment")
    )
    assert ada.get(path(demo, f"{list_}?part=total")).words.strip()[0].isdigit()
    assert ids(ada.get(path(demo, f"{list_}?q=nothing-like-this"))) == []
    assert ids(ada.get(path(demo, f"{list_}?until=2020-01-01"))) == []
    assert ada.get(path(demo, f"{list_}?since=yesterday")).status == 400


def test_renders__are_found_by_id_file_name_job_and_metadata(
    ada: Visitor, demo: DemoProject, render: Any
) -> None:
    by_file = render(options={"filename": "Annual report.pdf"})
    by_job = render(jobId="job-7")
    by_order = render(metadata={"order": "4711"})

    def shown(query: str) -> list[str]:
        return ids(ada.get(path(demo, f"/renders?q={query}")))

    assert shown("annual") == [by_file]
    assert shown("job-7") == [by_job]
    assert shown("order:4711") == [by_order]
    assert shown("4711") == [by_order]
    assert shown(by_job) == [by_job]
    assert shown(new_id()) == []


def test_renders__of_another_project_are_not_found_by_their_id(
    ada: Visitor, demo: DemoProject, render: Any
) -> None:
    other = make_project()
    theirs, _ = renders.create_render(
        other.principal, "invoice", RenderRequest(data=DATA), base_url="http://x"
    )
    assert ids(ada.get(path(demo, f"/renders?q={theirs.id}"))) == []
    assert ids(ada.get(path(demo, f"/keys?q={other.key.key.id}"))) == []


def test_renders__a_day_includes_its_last_hour(
    ada: Visitor, demo: DemoProject, render: Any
) -> None:
    made = render()
    today = utc_now().date()
    assert ids(ada.get(path(demo, f"/renders?since={today}&until={today}"))) == [made]
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    assert ids(ada.get(path(demo, f"/renders?since={tomorrow}"))) == []
    assert ids(ada.get(path(demo, f"/renders?until={yesterday}"))) == []


def test_csv__has_what_matches_and_no_formula(ada: Visitor, demo: DemoProject, render: Any) -> None:
    render()
    wanted = render(jobId="=1+1", metadata={"order": "4711"})
    (row,) = table(ada.get(path(demo, "/renders?part=csv&q=4711")))
    assert row["id"] == wanted
    assert row["job"] == "'=1+1"
    assert row["metadata"] == "order:4711"


def test_csv__a_name_in_metadata_is_no_formula(
    ada: Visitor, demo: DemoProject, render: Any
) -> None:
    render(metadata={"=1+1": "2"})
    (row,) = table(ada.get(path(demo, "/renders?part=csv")))
    assert row["metadata"] == "'=1+1:2"


def test_total__counts_what_matches_beyond_the_page(ada: Visitor, demo: DemoProject) -> None:
    for number in range(30):
        keys.create_key(demo.id, NewKey(name=f"Shop {number}", mode="test"), by=ADA.sub)
    assert ada.get(path(demo, "/keys?part=total&q=shop")).words.strip() == "30 keys"
    assert ada.get(path(demo, "/keys?part=total&q=shop+29")).words.strip() == "1 key"
    assert "part=total" in ada.get(path(demo, "/keys")).text


def test_live__the_rows_alone_are_sent_with_their_state(
    ada: Visitor, demo: DemoProject, render: Any
) -> None:
    made = render()
    part = ada.get(path(demo, "/renders"), hx_request="true")
    assert "<html" not in part.text
    assert re.findall(r'data-state="([^"]*)"', part.text) == ["queued-1"]
    assert ids(part) == [made]
    assert 'data-live="render,renders"' in part.text


def test_live__a_page_that_reads_much_is_not_kept_current(ada: Visitor, demo: DemoProject) -> None:
    assert "data-live" in ada.get(path(demo, "/requests")).text
    for number in range(10):
        keys.create_key(demo.id, NewKey(name=f"Key {number}", mode="test"), by=ADA.sub)
    assert "data-live" not in ada.get(path(demo, "/requests")).text


def test_audit__shows_names_and_finds_by_them(ada: Visitor, demo: DemoProject) -> None:
    key = keys.create_key(demo.id, NewKey(name="Checkout", mode="test"), by=ADA.sub).key
    keys.revoke_key(key.id, by=ADA.sub)
    endpoint = webhooks.create_endpoint(
        demo.id, NewEndpoint(url="https://example.com/x"), by=ADA.sub, check=lambda *_: None
    ).endpoint
    words = ada.get(path(demo, "/audit")).words
    assert "key.revoked ada@example.com Checkout" in words
    assert f"endpoint.created ada@example.com {endpoint.url}" in words

    def actions(query: str) -> list[str]:
        return [row["action"] for row in table(ada.get(path(demo, f"/audit?part=csv&{query}")))]

    assert actions("q=checkout") == ["key.revoked", "key.created"]
    assert actions("action=key.revoked") == ["key.revoked"]
    assert actions(f"target={endpoint.id}") == ["endpoint.created"]
    assert actions("actor=ada@example.com") == ["endpoint.created", "key.revoked", "key.created"]


def test_deliveries__are_filtered_by_event_and_text(ada: Visitor, demo: DemoProject) -> None:
    endpoint = webhooks.create_endpoint(
        demo.id, NewEndpoint(url="https://example.com/x"), by=ADA.sub, check=lambda *_: None
    ).endpoint
    delivery = webhooks.ping(demo.id, endpoint.id)
    here = path(demo, f"/webhooks/{endpoint.id}")
    assert ids(ada.get(f"{here}?event=ping")) == [delivery.id]
    assert ids(ada.get(f"{here}?event=render.failed")) == []
    assert ids(ada.get(f"{here}?status=pending&q={delivery.event_id}")) == [delivery.id]
    assert ids(ada.get(f"{here}?q={endpoint.id}")) == [delivery.id]  # in the payload


class TestBatches:
    def make(self, demo: DemoProject) -> str:
        request = BatchRequest.model_validate(
            {
                "templateSlug": "invoice",
                "items": [{"data": DATA, "jobId": "job-1"}, {"data": DATA}],
            }
        )
        batch, _ = batches.create_batch(demo.principal, request, base_url="http://x")
        return batch.id

    def test_are_listed_and_shown_with_their_documents(
        self, ada: Visitor, demo: DemoProject
    ) -> None:
        assert "No batches yet" in ada.get(path(demo, "/batches")).words
        batch_id = self.make(demo)
        assert ids(ada.get(path(demo, "/batches?status=running&q=invoice"))) == [batch_id]
        assert ids(ada.get(path(demo, "/batches?status=completed"))) == []
        page = ada.get(path(demo, f"/batches/{batch_id}"))
        assert "Total 2" in page.words
        assert "job-1" in page.words
        asked = re.findall(r'hx-get="([^"]*/state[^"]*)"', page.text)[0]
        assert ada.get(asked, hx_request="true").status == 204
        assert (
            "No document has this status"
            in ada.get(path(demo, f"/batches/{batch_id}?status=failed")).words
        )

    def test_are_cancelled_once(self, ada: Visitor, demo: DemoProject) -> None:
        batch_id = self.make(demo)
        page = ada.follow(ada.post(path(demo, f"/batches/{batch_id}/cancel")))
        assert "The batch is cancelled" in page.words
        assert batches.get_batch(demo.id, batch_id).status == "cancelled"
        assert ada.post(path(demo, f"/batches/{batch_id}/cancel")).status == 409

    def test_of_another_project_are_not_shown(self, ada: Visitor, demo: DemoProject) -> None:
        other = make_project()
        batch_id = self.make(other)
        for rest in ("", "/state"):
            assert ada.get(path(demo, f"/batches/{batch_id}{rest}")).status == 404
        assert ada.post(path(demo, f"/batches/{batch_id}/cancel")).status == 404
        assert ada.get(path(demo, "/batches/x")).status == 404

    def test_are_found_by_the_search_of_every_page(self, ada: Visitor, demo: DemoProject) -> None:
        batch_id = self.make(demo)
        assert f"/batches/{batch_id}" in ada.get(path(demo, f"/search?q={batch_id}")).text
        request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
        found = ada.get(path(demo, f"/search?q={request_id}"))
        assert f"/requests?q={request_id}" in found.text
