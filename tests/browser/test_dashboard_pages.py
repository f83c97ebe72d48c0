"""Single pages of the dashboard in Chromium: nothing on them costs anybody their work."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from craftkit.projects import members
from craftkit.projects.models import Project
from craftkit.typesetter import SourceError
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from tests.browser.conftest import ADA, BOB
from tests.support.compiler import Compiler
from tests.support.project import publish
from tests.support.served_dashboard import ServedDashboard

OpenPage = Callable[..., Page]


@pytest.fixture
def template(project: Project) -> str:
    publish(project.id, "invoice")
    return "invoice"


class TestSession:
    def test_an_ended_session_is_renewed_over_the_page_and_the_form_is_sent(
        self, open_dashboard: OpenPage, dashboard: ServedDashboard, project: Project
    ) -> None:
        page = open_dashboard("/settings")
        page.get_by_label("Project name").fill("Renamed")
        page.context.clear_cookies()
        page.get_by_role("button", name="Rename").click()
        dialog = page.get_by_role("dialog", name="Your session has ended")
        expect(dialog).to_be_visible()
        assert page.get_by_label("Project name").input_value() == "Renamed"
        # What signing in in the second tab does.
        dashboard.sign_in(page, ADA)
        second = page.context.new_page()
        second.goto(f"{dashboard.url}/dashboard/signed-in-again")
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("status")).to_contain_text("Renamed")

    def test_a_server_that_is_down_takes_no_form_away(
        self, open_dashboard: OpenPage, dashboard: ServedDashboard
    ) -> None:
        page = open_dashboard("/settings")
        page.get_by_label("Project name").fill("Renamed")
        dashboard.is_down = True
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("alert")).to_contain_text("still here")
        assert page.get_by_label("Project name").input_value() == "Renamed"
        dashboard.is_down = False
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("status")).to_contain_text("Renamed")


class TestEditor:
    def test_what_does_not_compile_keeps_the_last_good_page(
        self, open_dashboard: OpenPage, template: str, compiler: Compiler
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        expect(page.locator("#preview img")).to_be_visible()
        compiler.failure = SourceError("unclosed delimiter", line=2, column=1)
        page.get_by_label("Name", exact=True).fill("Changed")
        expect(page.locator("#problem")).to_contain_text("unclosed delimiter")
        expect(page.locator("#preview img")).to_be_visible()
        compiler.failure = None
        page.get_by_label("Name", exact=True).fill("Changed again")
        expect(page.locator("#problem")).to_be_empty()

    def test_the_body_of_a_gateway_is_not_shown(
        self, open_dashboard: OpenPage, template: str, dashboard: ServedDashboard
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        expect(page.locator("#preview img")).to_be_visible()
        dashboard.is_down = True
        page.get_by_label("Name", exact=True).fill("Changed")
        expect(page.get_by_role("alert")).to_have_text(
            "The server could not do this. Try again in a moment."
        )

    def test_a_failed_publish_says_its_error_once_and_its_address_opens_the_editor(
        self, open_dashboard: OpenPage, template: str, compiler: Compiler
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        expect(page.locator("#preview img")).to_be_visible()
        compiler.failure = SourceError("unclosed delimiter", line=2, column=1)
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("It is not published")).to_be_visible()
        expect(page.get_by_text("unclosed delimiter")).to_have_count(1)
        page.goto(page.url)
        expect(page).to_have_url(re.compile("/edit$"))


class TestTemplate:
    @pytest.mark.parametrize("width", [1280, 1440, 2560])
    def test_roll_back_is_in_sight(
        self, width: int, open_dashboard: OpenPage, project: Project, template: str
    ) -> None:
        publish(project.id, template)
        page = open_dashboard(f"/templates/{template}", width=width)
        button = page.get_by_role("button", name="Roll back")
        box = button.bounding_box()
        assert box and box["x"] + box["width"] <= width
        table = page.locator(".scroll", has=button)
        assert table.evaluate("(box) => box.scrollWidth <= box.clientWidth")


class TestMembers:
    def test_an_arrow_key_changes_no_role(self, open_dashboard: OpenPage, project: Project) -> None:
        members.add_member(project.id, BOB, "viewer", by=ADA.sub)
        page = open_dashboard("/settings")
        page.get_by_role("button", name="Change role").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Role").press("ArrowUp")
        dialog.get_by_role("button", name="Cancel").click()
        assert members.get_member(project.id, BOB.sub).role == "viewer"
        page.get_by_role("button", name="Change role").first.click()
        dialog.get_by_label("Role").select_option("admin")
        dialog.get_by_role("button", name="Change role").click()
        expect(page.get_by_role("status")).to_contain_text("admin")

    def test_the_only_owner_is_offered_no_way_out(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        page = open_dashboard("/settings")
        expect(page.get_by_text("the only owner", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Change role")).to_have_count(0)


class TestDialogs:
    def test_hold_the_focus_and_give_it_back(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        members.add_member(project.id, BOB, "viewer", by=ADA.sub)
        page = open_dashboard("/settings")
        opener = page.get_by_role("button", name="Remove").first
        opener.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        assert dialog.evaluate("(box) => box.matches(':modal')")
        for _ in range(6):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.closest('dialog, body').tagName")
            assert focused == "DIALOG" or page.evaluate("document.activeElement === document.body")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(opener).to_be_focused()


class TestLists:
    def test_a_filter_keeps_the_focus(self, open_dashboard: OpenPage, project: Project) -> None:
        page = open_dashboard("/renders")
        page.get_by_label("Status").select_option("failed")
        page.wait_for_url("**status=failed**")
        expect(page.get_by_label("Status")).to_be_focused()

    def test_what_is_open_in_a_pending_delivery_stays_open(
        self, open_dashboard: OpenPage, project: Project, dashboard: ServedDashboard
    ) -> None:
        endpoint = webhooks.create_endpoint(
            project.id,
            NewEndpoint(url="https://example.com/hook", events=("render.succeeded",)),
            by=ADA.sub,
            check=lambda *_args, **_how: None,
        ).endpoint
        delivery = webhooks.ping(project.id, endpoint.id)
        page = open_dashboard(f"/webhooks/{endpoint.id}/deliveries/{delivery.id}")
        page.evaluate("document.getElementById('attempts').dataset.mine = 'yes'")
        before = len(dashboard.requests)
        page.wait_for_timeout(4500)
        assert any("/attempts" in path for _, path in dashboard.requests[before:])
        assert page.evaluate("document.getElementById('attempts').dataset.mine") == "yes"


def test_an_error_keeps_the_way_to_the_other_pages(
    open_dashboard: OpenPage, project: Project
) -> None:
    page = open_dashboard("/templates/nothing-of-this-name")
    expect(page.get_by_role("navigation", name="Project")).to_be_visible()
