"""Single pages of the dashboard in Chromium: no user input is lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import members
from craftkit.projects.models import Project
from craftkit.templates import drafts
from craftkit.typesetter import SourceError
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from testkit.browser import grave_faults
from testkit.compiler import Compiler
from testkit.project import publish
from testkit.served_dashboard import ServedDashboard
from tests.browser.conftest import ADA, BOB

OpenPage = Callable[..., Page]


@pytest.fixture
def template(project: Project) -> str:
    publish(project.id, "invoice")
    return "invoice"


class TestSession:
    def test_an_ended_session_is_renewed_in_a_dialog_and_the_form_is_sent(
        self, open_dashboard: OpenPage, dashboard: ServedDashboard, project: Project
    ) -> None:
        page = open_dashboard("/settings")
        page.get_by_label("Project name").fill("Renamed")
        page.context.clear_cookies()
        page.get_by_role("button", name="Rename").click()
        dialog = page.get_by_role("dialog", name="Your session has expired")
        expect(dialog).to_be_visible()
        assert page.get_by_label("Project name").input_value() == "Renamed"
        # What signing in in the second tab does.
        dashboard.sign_in(page, ADA)
        second = page.context.new_page()
        second.goto(f"{dashboard.url}/dashboard/signed-in-again")
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("status")).to_contain_text("Renamed")

    def test_signing_out_leaves_no_unsaved_draft_in_the_browser(
        self, open_dashboard: OpenPage, dashboard: ServedDashboard, project: Project
    ) -> None:
        """After a sign-out the stored draft is deleted; after an expired session it stays."""
        page = open_dashboard("/settings")
        page.evaluate("localStorage.setItem('craftkit-draft:/x', 'salaries')")
        kept = "localStorage.getItem('craftkit-draft:/x')"
        page.context.clear_cookies()
        page.goto(f"{dashboard.url}/dashboard/signed-out")
        assert page.evaluate(kept) == "salaries"
        dashboard.sign_in(page, ADA)
        page.goto(f"{dashboard.url}/dashboard/projects/{project.id}/settings")
        page.route("**/logout?*", lambda route: route.fulfill(body="signed out"))
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("signed out")).to_be_visible()
        page.goto(f"{dashboard.url}/dashboard/signed-out")
        assert page.evaluate(kept) is None

    def test_an_unreachable_server_keeps_the_form(
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


def source_of(page: Page) -> str:
    return page.locator("#source").input_value()


def write(page: Page, text: str) -> None:
    """Replace the source by pasting the text."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


class TestEditor:
    def test_tab_over_a_selection_indents_it_and_can_be_undone(
        self, open_dashboard: OpenPage, template: str
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        write(page, "first\nsecond\nthird")
        page.keyboard.press("Control+a")
        page.keyboard.press("Tab")
        assert source_of(page) == "  first\n  second\n  third"
        page.keyboard.press("Control+z")
        assert source_of(page) == "first\nsecond\nthird"

    def test_a_source_that_scrolls_can_be_reached_by_keyboard(
        self, open_dashboard: OpenPage, template: str
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        write(page, "= A line\n" * 200)
        page.wait_for_load_state("networkidle")
        assert grave_faults(page) == []

    def test_escape_then_tab_leaves_the_editor(
        self, open_dashboard: OpenPage, template: str
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        page.locator(".cm-content").click()
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        expect(page.locator(".cm-content")).not_to_be_focused()

    def test_the_editor_completes_fields_of_the_manifest_and_functions_of_the_prelude(
        self, open_dashboard: OpenPage, template: str
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        write(page, "")
        page.keyboard.type("#data.cust")
        option = page.get_by_role("option", name="data.customer.name")
        expect(option).to_be_visible()
        page.wait_for_timeout(
            150
        )  # CodeMirror ignores Enter in the first moments after the list opens
        page.keyboard.press("Enter")
        assert source_of(page) == "#data.customer.name"
        page.keyboard.type(" #mon")
        expect(page.get_by_role("option", name="money")).to_be_visible()

    def test_an_error_is_underlined_at_its_place(
        self, open_dashboard: OpenPage, template: str, compiler: Compiler
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        compiler.failure = SourceError("unclosed delimiter", line=2, column=6)
        write(page, "= Fine\nsome broken code")
        expect(page.locator(".cm-lintRange-error")).to_have_text("broken")

    def test_ctrl_s_saves_the_draft_and_keeps_the_place(
        self, open_dashboard: OpenPage, template: str, project: Project
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        write(page, "= Saved by hand")
        page.keyboard.press("Control+s")
        expect(page.get_by_text("Draft saved")).to_be_visible()
        expect(page.locator(".cm-content")).to_be_focused()
        assert drafts.get_draft(project.id, template).source == "= Saved by hand"

    def test_saves_the_draft_by_itself(
        self, open_dashboard: OpenPage, template: str, project: Project
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        write(page, "= Saved by itself")
        expect(page.get_by_text("Draft saved")).to_be_visible(timeout=15_000)
        assert drafts.get_draft(project.id, template).source == "= Saved by itself"

    def test_unsaved_input_is_restored_after_a_crash(
        self, open_dashboard: OpenPage, template: str, dashboard: ServedDashboard
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        dashboard.is_down = True
        write(page, "= Typed before the crash")
        page.keyboard.press("Control+s")
        expect(page.get_by_text("Not saved:")).to_be_visible()
        dashboard.is_down = False
        second = page.context.new_page()
        second.goto(page.url)
        second.get_by_role("button", name="Restore").click()
        expect(second.locator("#source")).to_have_value(re.compile("= Typed before the crash"))

    def test_leaving_with_unsaved_work_asks_first(
        self, open_dashboard: OpenPage, template: str, dashboard: ServedDashboard
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        write(page, "= Not saved")
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.get_by_role("link", name="Renders").click()
        page.wait_for_url("**/renders")
        assert asked == ["beforeunload"]

    @pytest.mark.parametrize("choice", ["Take mine", "Take theirs"])
    def test_edits_in_two_tabs_are_both_kept(
        self, choice: str, open_dashboard: OpenPage, template: str, project: Project
    ) -> None:
        mine = open_dashboard(f"/templates/{template}/edit")
        theirs = mine.context.new_page()
        theirs.goto(mine.url)
        write(theirs, "= Theirs")
        theirs.keyboard.press("Control+s")
        expect(theirs.get_by_text("Draft saved")).to_be_visible()
        write(mine, "= Mine")
        mine.keyboard.press("Control+s")
        dialog = mine.get_by_role("dialog", name="The draft was saved in another tab")
        dialog.get_by_role("button", name="Compare").click()
        expect(dialog.locator(".add")).to_have_text("+ = Mine")
        expect(dialog.locator(".del")).to_have_text("- = Theirs")
        dialog.get_by_role("button", name=choice).click()
        wanted = "= Mine" if choice == "Take mine" else "= Theirs"
        expect(mine.locator("#source")).to_have_value(wanted)
        if choice == "Take mine":
            expect(mine.get_by_text("Draft saved")).to_be_visible()
        assert drafts.get_draft(project.id, template).source == wanted

    def test_a_compile_error_keeps_the_last_good_page(
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
        expect(page.get_by_role("alert")).to_have_text("The request failed. Try again in a moment.")

    def test_a_failed_publish_shows_its_error_once_and_a_reload_opens_the_editor(
        self, open_dashboard: OpenPage, template: str, compiler: Compiler
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        expect(page.locator("#preview img")).to_be_visible()
        compiler.failure = SourceError("unclosed delimiter", line=2, column=1)
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("The version was not published")).to_be_visible()
        expect(page.get_by_text("unclosed delimiter")).to_have_count(1)
        page.goto(page.url)
        expect(page).to_have_url(re.compile("/edit$"))


class TestTemplate:
    @pytest.mark.parametrize("width", [1280, 1440, 2560])
    def test_the_roll_back_button_is_visible(
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
    def test_arrow_keys_do_not_change_a_role(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
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

    def test_the_only_owner_has_no_leave_button(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        page = open_dashboard("/settings")
        expect(page.get_by_text("the only owner", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Change role")).to_have_count(0)


class TestProject:
    def test_is_deleted_by_entering_its_name(
        self, open_dashboard: OpenPage, template: str, project: Project
    ) -> None:
        page = open_dashboard("/settings")
        page.get_by_role("button", name="Delete project").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Enter the project’s name").fill("something else")
        dialog.get_by_role("button", name="Delete project").click()
        expect(page.get_by_role("alert")).to_contain_text("Enter the project's name")
        page.get_by_role("button", name="Delete project").click()
        dialog.get_by_label("Enter the project’s name").fill(project.name)
        dialog.get_by_role("button", name="Delete project").click()
        expect(page.get_by_role("status")).to_contain_text("1 template deleted, 1 member removed")

    def test_is_transferred_to_another_member(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        members.add_member(project.id, BOB, "admin", by=ADA.sub)
        page = open_dashboard("/settings")
        page.get_by_role("button", name="Transfer project").click()
        page.get_by_role("dialog").get_by_role("button", name="Transfer project").click()
        expect(page.get_by_role("status")).to_contain_text(
            "bob@example.com is now the owner of the project"
        )
        assert members.get_member(project.id, ADA.sub).role == "admin"


class TestDialogs:
    def test_dialogs_trap_the_focus_and_restore_it(
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

    def test_new_and_changed_rows_come_without_losing_the_place(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        """A row with the focus and a selection stay; new rows wait until they are asked for."""
        first = keys.create_key(project.id, NewKey(name="First", mode="test"), by=ADA.sub).key
        page = open_dashboard("/keys")
        page.get_by_role("link", name="First").focus()
        page.evaluate("document.activeElement.dataset.mine = 'yes'")
        second = keys.create_key(project.id, NewKey(name="Second", mode="test"), by=ADA.sub).key
        keys.revoke_key(first.id, by=ADA.sub)
        offer = page.get_by_role("button", name="1 new key")
        expect(offer).to_be_visible(timeout=15_000)
        assert page.evaluate("document.activeElement.dataset.mine") == "yes"
        expect(page.locator(f"#key-{second.id}")).to_have_count(0)
        offer.click()
        expect(page.locator("tbody tr").first).to_have_id(f"key-{second.id}")
        # The first row has the focus no more: it is replaced.
        expect(page.locator(f"#key-{first.id}")).to_contain_text("revoked", timeout=20_000)
        third = keys.create_key(project.id, NewKey(name="Third", mode="test"), by=ADA.sub).key
        expect(page.locator(f"#key-{third.id}")).to_be_visible(timeout=20_000)

    def test_its_address_has_the_filters_that_are_set(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        keys.create_key(project.id, NewKey(name="First", mode="test"), by=ADA.sub)
        page = open_dashboard("/keys")
        page.locator("#q").fill("fir")
        page.keyboard.press("Enter")
        page.wait_for_url("**/keys?q=fir")
        expect(page.locator("#total")).to_have_text("1 key")
        page.get_by_label("Mode", exact=True).select_option("live")
        expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
        assert page.url.endswith("/keys?q=fir&mode=live")

    def test_a_list_of_many_shows_its_total_and_its_file(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        for number in range(30):
            keys.create_key(project.id, NewKey(name=f"Key {number}", mode="test"), by=ADA.sub)
        page = open_dashboard("/keys")
        expect(page.locator("#total")).to_have_text("30 keys")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == "keys.csv"
        page.get_by_role("link", name="Older").click()
        expect(page.locator("tbody tr")).to_have_count(5)
        page.get_by_role("link", name="Newer", exact=True).click()
        expect(page.locator("tbody tr")).to_have_count(25)

    def test_open_details_of_a_pending_delivery_stay_open(
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


def test_an_error_page_keeps_the_navigation(open_dashboard: OpenPage, project: Project) -> None:
    page = open_dashboard("/templates/nothing-of-this-name")
    expect(page.get_by_role("navigation", name="Project")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/templates/invoice/edit", "/settings", "/renders", "/keys", "/audit", "/batches"]
)
def test_axe_finds_no_serious_fault(
    path: str, scheme: str, open_dashboard: OpenPage, template: str
) -> None:
    page = open_dashboard(path, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    assert grave_faults(page) == []
