"""The embedded page in Chromium: used by a partner's users, and attacked."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Locator, Page, Route, expect

from testkit.browser import grave_faults
from testkit.embed import session_body
from testkit.partner_site import partner_site
from testkit.stack import RunningStack

OpenPage = Callable[..., Page]
Mint = Callable[..., Any]

DATA = {
    "number": "2026-014",
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Engine notes", "qty": "1", "price": "42.00"}],
    "total": "42.00",
}
ATTACK = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\'"}{'
_COVERED = """() => {
    const field = document.activeElement;
    const bar = document.querySelector(".actions");
    if (bar.contains(field) || !field.closest("form")) return null;
    const [box, edge] = [field.getBoundingClientRect(), bar.getBoundingClientRect()];
    const isCovered = box.bottom > edge.top + 1 && box.top < edge.bottom - 1;
    return isCovered ? `${field.id}: ${box.bottom} below ${edge.top}` : null;
}"""
"""The focused field that the bar with the button lies over, or null."""
SHOWN = ".pages:not([data-shown='0'])"


@pytest.fixture
def mint(stack: RunningStack) -> Mint:
    """`mint("edit", permissions="admin")`: a session of the demo project; forms are test ones."""

    def opened(mode: str = "fill", **changes: Any) -> Any:
        key = stack.editor_key if mode in ("edit", "create") else stack.test_key
        answer = stack.call(
            "POST", "/v1/embed/sessions", key=key, json=session_body(mode, **changes)
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    return opened


@pytest.fixture(scope="session")
def site(stack: RunningStack) -> Iterator[str]:
    """The example partner's site."""
    with partner_site(stack) as address:
        yield address


def opened(page: Page, session: Any) -> Page:
    """The page of a session, after its first preview is shown."""
    page.goto(session["iframe_url"])
    page.wait_for_selector(SHOWN)
    return page


def embedded(page: Page) -> Frame:
    page.wait_for_selector("iframe")
    [frame] = [one for one in page.frames if one.parent_frame]
    frame.wait_for_selector(SHOWN)
    return frame


def times_shown(page: Page | Frame) -> int:
    return int(page.locator(".pages").get_attribute("data-shown") or 0)


@pytest.mark.parametrize(
    ("locale", "language", "direction", "hint"),
    [
        ("de-AT", "de", "ltr", "Für leere Felder zeigt die Vorschau Beispiele."),
        ("ar", "ar", "rtl", "تعرض المعاينة أمثلة للحقول الفارغة."),
        ("xh", "en", "ltr", "The preview shows samples for empty fields."),
    ],
)
def test_the_form_is_in_the_readers_language(
    open_page: OpenPage,
    mint: Mint,
    locale: str,
    language: str,
    direction: str,
    hint: str,
) -> None:
    page = opened(open_page(locale=locale), mint())
    root = page.locator("html")
    assert (root.get_attribute("lang"), root.get_attribute("dir")) == (language, direction)
    expect(page.get_by_text(hint)).to_be_visible()
    assert grave_faults(page) == []


class TestPartner:
    def test_the_preview_follows_the_form_and_a_submission_makes_the_pdf(
        self, open_page: OpenPage, site: str, stack: RunningStack
    ) -> None:
        page = open_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site)
        page.get_by_role("button", name="Invoice").first.click()
        form = embedded(page)
        expect(page.get_by_role("status")).to_have_text("The invoice is open.")
        name = form.get_by_role("textbox", name="Customer", exact=True)
        assert name.input_value() == "Marguerite Delacroix"

        before = form.locator(".paper").get_attribute("src")
        form.get_by_label("Invoice number").fill("2026-014")
        form.wait_for_function(
            "(before) => document.querySelector('.paper').src !== before", arg=before
        )
        form.get_by_role("textbox", name="Item", exact=True).fill("Brand identity")
        form.get_by_label("Quantity").fill("2")
        form.get_by_label("Unit price").fill("1,250.50")
        form.get_by_role("textbox", name="Total", exact=True).fill("2501")
        form.get_by_role("button", name="Create invoice").click()
        form.get_by_role("heading", name="Your document is ready").wait_for()
        link = form.get_by_role("link", name="Open PDF").get_attribute("href")
        assert link
        document = page.request.get(link)
        assert document.body().startswith(b"%PDF")
        expect(page.get_by_role("status")).to_have_text(re.compile("Invoice .* was created"))

        click_later(form.get_by_role("button", name="Close").last)
        expect(page.locator("iframe")).to_have_count(0)
        assert not any(stack.test_key in url for url in asked)

    def test_the_token_is_in_no_address_no_storage_and_no_referrer(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = open_page()
        referrers: list[str | None] = []
        page.on("request", lambda request: referrers.append(request.headers.get("referer")))
        session = mint()
        opened(page, session)
        assert page.url.endswith("/embed")
        kept = page.evaluate(
            "() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href,"
            " document.documentElement.outerHTML, performance.getEntriesByType('resource')])"
        )
        assert session["session_token"] not in kept
        assert not any(session["session_token"] in (one or "") for one in referrers)

    def test_a_site_that_is_not_allowed_gets_no_frame(
        self, open_page: OpenPage, site: str, mint: Mint, stack: RunningStack
    ) -> None:
        page = open_page()
        page.goto(site.replace("localhost", "evil.example"))
        page.evaluate(
            """([script, url]) => new Promise((resolve) => {
                const element = document.createElement("script");
                element.src = script;
                element.onload = resolve;
                document.head.append(element);
            }).then(() => {
                window.heard = [];
                const note = (event) => window.heard.push(event);
                Craftkit.init({ iframeUrl: url, on: { ready: note, error: note } }).mount("main");
            })""",
            [f"{stack.embed_url}/embed/embed.js", mint()["iframe_url"]],
        )
        page.wait_for_selector("iframe")
        page.wait_for_timeout(1500)
        [frame] = [one for one in page.frames if one.parent_frame]
        assert frame.url.startswith("chrome-error:")
        assert page.evaluate("window.heard") == []

    def test_messages_from_other_origins_are_ignored(self, open_page: OpenPage, site: str) -> None:
        page = open_page()
        page.goto(site)
        page.get_by_role("button", name="Invoice").first.click()
        form = embedded(page)
        heard = form.evaluate(
            """() => new Promise((resolve) => {
                const line = new MessageChannel();
                line.port1.onmessage = ({ data }) => resolve(data);
                window.postMessage({ craftkit: "connect" }, "*", [line.port2]);
                setTimeout(() => resolve(null), 500);
            })"""
        )
        assert heard is None

    def test_an_expired_session_is_renewed_by_the_partners_server(
        self, open_page: OpenPage, site: str
    ) -> None:
        page = open_page()
        page.goto(site)
        renewals: list[str] = []
        page.on("request", lambda one: renewals.append(one.url) if "/refresh" in one.url else None)
        page.get_by_role("button", name="Invoice").first.click()
        form = embedded(page)
        shown = times_shown(form)
        refused = json.dumps({"error": {"code": "session_expired", "message": "It has expired."}})
        refusals = iter([refused])

        def expire_once(route: Route) -> None:
            if body := next(refusals, None):
                route.fulfill(status=401, body=body, content_type="application/json")
            else:
                route.continue_()

        page.route("**/embed/api/preview", expire_once)
        form.get_by_label("Invoice number").fill("2026-015")
        form.wait_for_selector(f"[data-shown='{shown + 1}']")
        assert len(renewals) == 1

    def test_a_revoked_session_shows_a_message(
        self, open_page: OpenPage, mint: Mint, stack: RunningStack
    ) -> None:
        session = mint()
        page = opened(open_page(), session)
        stack.call("DELETE", f"/v1/embed/sessions/{session['session_id']}", key=stack.test_key)
        page.get_by_label("Invoice number").fill("7")
        expect(page.locator(".problem")).to_contain_text("session was revoked")


def click_later(button: Locator) -> None:
    """Click a button that removes its frame. Playwright's own click would wait for the frame."""
    button.evaluate("button => { setTimeout(() => button.click()); }")


class TestForm:
    def test_errors_are_shown_at_their_fields_and_linked_from_a_summary(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = opened(open_page(), mint())
        page.get_by_role("button", name="Create document").click()
        summary = page.get_by_role("alert").filter(has_text="need your attention")
        expect(summary).to_be_focused()
        customer = page.get_by_role("textbox", name="Customer", exact=True)
        expect(customer).to_have_attribute("aria-invalid", "true")
        described = (customer.get_attribute("aria-describedby") or "").split()[-1]
        assert page.locator(f"#{described}").inner_text() == "Required"
        summary.get_by_role("link", name="Item 1, Quantity: Required").click()
        expect(page.get_by_label("Quantity")).to_be_focused()
        page.get_by_label("Quantity").fill("many")
        page.get_by_role("button", name="Create document").click()
        expect(page.get_by_text("Must be a number").first).to_be_visible()
        assert grave_faults(page) == []

    @pytest.mark.parametrize(("width", "height"), [(1280, 520), (360, 640), (360, 400)])
    def test_the_button_bar_does_not_cover_the_focused_field(
        self, open_page: OpenPage, mint: Mint, width: int, height: int
    ) -> None:
        page = open_page(width=width, height=height)
        page.goto(mint()["iframe_url"])
        page.locator("form input").first.focus()
        for _ in range(12):
            page.keyboard.press("Tab")
            page.wait_for_timeout(50)
            assert page.evaluate(_COVERED) is None

    def test_a_field_clicked_under_the_bar_is_scrolled_into_view(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = opened(open_page(height=520), mint())
        page.evaluate(
            """() => {
                const bar = document.querySelector(".actions").getBoundingClientRect();
                const field = [...document.querySelectorAll("form input[type=text]")].at(3);
                window.scrollBy(0, field.getBoundingClientRect().top - bar.top + 8);
                field.focus({ preventScroll: true });
            }"""
        )
        assert page.evaluate(_COVERED) is None

    def test_an_invalid_value_has_an_error_at_its_field_and_the_preview_shows_a_sample(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = opened(open_page(), mint())
        total = page.get_by_role("textbox", name="Total", exact=True)
        total.fill("123456789012345678901234")
        page.get_by_label("Invoice number").fill("7")
        field = page.locator(".field").filter(has=total)
        expect(field.locator(".error")).to_contain_text("whole digits")
        expect(field.locator(".error")).to_contain_text("The preview shows a sample instead")
        total.fill("42")
        expect(field.locator(".error")).to_have_text("")

    def test_closing_with_input_asks_first(self, open_page: OpenPage, site: str) -> None:
        page = open_page()
        page.goto(site)
        page.get_by_role("button", name="Invoice").first.click()
        form = embedded(page)
        form.get_by_label("Invoice number").fill("7")
        form.get_by_role("button", name="Close").click()
        asked = form.get_by_role("dialog", name="Discard your entries?")
        asked.get_by_role("button", name="Keep editing").click()
        expect(form.get_by_label("Invoice number")).to_have_value("7")
        form.get_by_role("button", name="Close").click()
        page.keyboard.press("Escape")
        expect(asked).to_have_count(0)
        form.get_by_role("button", name="Close").click()
        click_later(asked.get_by_role("button", name="Discard"))
        expect(page.locator("iframe")).to_have_count(0)

    def test_closing_an_unchanged_form_does_not_ask(self, open_page: OpenPage, site: str) -> None:
        page = open_page()
        page.goto(site)
        page.get_by_role("button", name="Invoice").first.click()
        click_later(embedded(page).get_by_role("button", name="Close"))
        expect(page.locator("iframe")).to_have_count(0)

    def test_rows_can_be_added_moved_and_removed_by_keyboard(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = opened(open_page(), mint())
        items = page.get_by_role("textbox", name="Item", exact=True)
        items.focus()
        page.keyboard.type("first")
        page.get_by_role("button", name="Add item").focus()
        page.keyboard.press("Enter")
        expect(items.nth(1)).to_be_focused()
        page.keyboard.type("second")
        page.get_by_role("button", name="Move up Item 2").focus()
        page.keyboard.press("Space")
        assert [items.nth(at).input_value() for at in (0, 1)] == ["second", "first"]
        page.get_by_role("button", name="Remove Item 1").focus()
        page.keyboard.press("Enter")
        expect(items).to_have_count(1)
        expect(page.get_by_role("button", name="Remove Item 1")).to_be_focused()
        assert items.input_value() == "first"

    def test_a_late_preview_does_not_replace_a_newer_one(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = opened(open_page(), mint())
        shown = times_shown(page)
        held: list[Route] = []

        def hold_the_first(route: Route) -> None:
            if "old-number" in (route.request.post_data or ""):
                held.append(route)
            else:
                route.continue_()

        # An answer that comes in spite of the abort: the page must not rely on it alone.
        page.evaluate("AbortController.prototype.abort = () => {}")
        page.route("**/embed/api/preview", hold_the_first)
        number = page.get_by_label("Invoice number")
        number.fill("old-number")
        page.wait_for_timeout(400)
        assert len(held) == 1
        number.fill("new-number")
        page.wait_for_selector(f"[data-shown='{shown + 1}']")
        newest = page.locator(".paper").get_attribute("src")
        with page.expect_response("**/embed/api/preview"):
            held[0].continue_()
        page.wait_for_timeout(500)
        assert page.locator(".paper").get_attribute("src") == newest
        assert times_shown(page) == shown + 1

    @pytest.mark.parametrize(
        ("name", "content", "fault"),
        [
            ("large.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 11_000_000, "larger than 5 MB"),
            ("page.png", b"<html><script>alert(1)</script>", "not a PNG, JPEG, WebP or GIF"),
            ("broken.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "damaged"),
        ],
    )
    def test_a_file_that_is_not_an_image_is_refused_at_its_field(
        self, open_page: OpenPage, mint: Mint, name: str, content: bytes, fault: str
    ) -> None:
        page = opened(open_page(), mint())
        page.get_by_label("Issuer's logo").set_input_files(
            {"name": name, "mimeType": "image/png", "buffer": content}
        )
        field = page.locator(".field.image")
        expect(field.locator(".error")).to_contain_text(fault)
        assert field.locator("img").count() == 0

    def test_an_image_is_shown_sent_and_can_be_removed(
        self, open_page: OpenPage, mint: Mint, tmp_path: Path
    ) -> None:
        page = opened(open_page(), mint(form={"data": DATA}))
        shown = times_shown(page)
        page.set_viewport_size({"width": 3000, "height": 2200})
        page.screenshot(path=tmp_path / "large.png")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_label("Issuer's logo").set_input_files(tmp_path / "large.png")
        with page.expect_request("**/embed/api/preview") as sent:
            page.wait_for_selector(f"[data-shown='{shown + 1}']")
        assert len(sent.value.post_data or "") < 700_000
        page.get_by_role("button", name="Create document").click()
        page.get_by_role("heading", name="Your document is ready").wait_for()
        page.get_by_role("button", name="Back to the form").click()
        page.get_by_role("button", name="Remove Issuer's logo").click()
        assert page.locator(".field.image img").count() == 0

    def test_a_double_click_creates_one_document(self, open_page: OpenPage, mint: Mint) -> None:
        page = opened(open_page(), mint(form={"data": DATA}))
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.url) if "submit" in one.url else None)
        page.get_by_role("button", name="Create document").dblclick()
        page.get_by_role("heading", name="Your document is ready").wait_for()
        assert len(sent) == 1

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_is_readable_in_any_colours_of_a_partner(
        self, open_page: OpenPage, mint: Mint, scheme: str
    ) -> None:
        faults = {}
        for primary in ("#777777", "#ff0000", "#ffffff", "#000000", "#ffff00"):
            for background in (None, "#808080"):
                page = open_page(color_scheme=scheme)
                colours = {"primaryColor": primary, "backgroundColor": background}
                appearance = {name: colour for name, colour in colours.items() if colour}
                page.goto(mint(appearance=appearance)["iframe_url"])
                page.get_by_role("button", name="Create document").click()
                page.get_by_role("heading", name="need your attention").wait_for()
                faults[primary, background] = grave_faults(page)
                page.context.close()
        assert {colours: found for colours, found in faults.items() if found} == {}

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [360, 1440])
    def test_the_page_fits_every_width_and_axe_finds_no_serious_fault(
        self, open_page: OpenPage, mint: Mint, width: int, scheme: str
    ) -> None:
        page = open_page(width, color_scheme=scheme)
        page.goto(mint(form={"data": DATA})["iframe_url"])
        page.get_by_role("button", name="Create document").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert grave_faults(page) == []
        if width == 360:
            page.get_by_role("button", name="Preview").click()
            page.locator(SHOWN).wait_for()
            assert grave_faults(page) == []
            page.get_by_role("button", name="Form").click()
        page.get_by_role("button", name="Create document").click()
        page.get_by_role("heading", name="Your document is ready").wait_for()
        assert grave_faults(page) == []


class TestAttacks:
    def test_displayed_content_is_never_executed(
        self, open_page: OpenPage, mint: Mint, stack: RunningStack, tmp_path: Path
    ) -> None:
        manifest = {
            "variables": [
                {
                    "key": key,
                    "label": ATTACK[:110],
                    "description": ATTACK,
                    "dataType": "text",
                    "previewData": ATTACK,
                }
                for key in ("__proto__", "constructor.prototype", "hasOwnProperty", "a.onerror")
            ],
            "loops": [
                {
                    "key": "toString",
                    "label": ATTACK[:110],
                    "itemFields": [{"key": "x", "label": ATTACK[:110], "dataType": "text"}],
                }
            ],
        }
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(manifest), encoding="utf-8")
        stack.craftkit(
            "templates", "publish", "--project", stack.project_id, "--slug", "attack",
            "--name", ATTACK[:110], "--manifest", path,
        )  # fmt: skip
        data = {"__proto__": ATTACK, "hasOwnProperty": ATTACK, "toString": [{"x": ATTACK}]}
        changes: dict[str, Any] = {
            "tenant": {"externalId": ATTACK, "displayName": ATTACK},
            "actor": {"externalId": ATTACK, "displayName": ATTACK},
            "form": {
                "title": ATTACK,
                "description": ATTACK,
                "submitLabel": ATTACK[:60],
                "data": data,
            },
        }
        scope = {"templateExternalId": "attack"}
        for mode in ("fill", "view", "edit"):
            page = open_page()
            page.goto(mint(mode, **{**changes, "scope": {"mode": mode, **scope}})["iframe_url"])
            page.wait_for_selector(SHOWN)
            if mode == "fill":
                inputs = page.locator("form input")
                assert inputs.first.input_value() == ATTACK
                inputs.first.fill(ATTACK + "again")
                page.locator("button[type=submit]").click()
                page.get_by_role("heading", name="Your document is ready").wait_for()
            assert page.evaluate("window.pwned") is None
            assert page.evaluate("({}).polluted ?? Object.prototype.onerror ?? null") is None

    def test_a_forged_address_shows_nothing(self, open_page: OpenPage, stack: RunningStack) -> None:
        page = open_page()
        answer = page.goto(
            f"{stack.embed_url}/embed?session_token=%3Cscript%3Ealert(1)%3C/script%3E"
        )
        assert answer is not None
        assert answer.status == 401
        expect(page.get_by_role("heading")).to_have_text("This page cannot be opened")
        assert "alert(1)" not in page.content()
        assert page.url.endswith("/embed")

    def test_the_page_violates_no_content_security_policy(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = open_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        for mode in ("fill", "edit", "view"):
            opened(page, mint(mode))
        assert [one for one in complaints if "Content Security Policy" in one] == []


class TestEditor:
    def test_a_template_is_written_previewed_saved_and_published(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        scope = {"mode": "create"}
        page = opened(open_page(), mint("create", scope=scope, permissions="admin"))
        page.get_by_label("Name of the template").fill("Welcome letter")
        page.get_by_role("button", name="Add a field").click()
        label = page.get_by_label("Label 1")
        expect(label).to_be_focused()
        label.fill("Recipient")
        page.get_by_label("Key of").fill("recipient")
        page.get_by_role("tab", name="Fields").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Layout")).to_be_focused()
        source = page.get_by_label("Layout, in Typst")
        expect(source).to_have_value(re.compile("recipient"))
        source.fill('#import "/craftkit.typ": *\n\n= Dear #data.recipient\n#nobody-knows')
        expect(page.locator(".problem")).to_contain_text("Line 4")
        expect(page.locator(".lines .bad")).to_have_text("4")
        source.fill('#import "/craftkit.typ": *\n\n= Dear #data.recipient')
        expect(page.locator(".problem")).to_be_hidden()
        page.keyboard.press("Control+s")
        expect(page.get_by_text("Draft saved").first).to_be_visible()
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("Version 1 is published").first).to_be_visible()

    def test_undo_restores_only_the_removed_field(self, open_page: OpenPage, mint: Mint) -> None:
        page = opened(open_page(), mint("edit", permissions="editor"))
        name = page.get_by_label("Name of the template")
        name.fill("Another name")
        keys = page.locator('[data-name="key"]')
        before = [keys.nth(at).input_value() for at in range(keys.count())]
        page.get_by_role("button", name=re.compile("^Remove ")).nth(1).click()
        expect(keys).to_have_count(len(before) - 1)
        page.keyboard.press("Control+z")
        expect(keys).to_have_count(len(before))
        assert [keys.nth(at).input_value() for at in range(keys.count())] == before
        expect(name).to_have_value("Another name")
        page.keyboard.press("Control+Shift+z")
        expect(keys).to_have_count(len(before) - 1)
        name.focus()
        page.keyboard.press("End")
        page.keyboard.type("!")
        page.keyboard.press("Control+z")
        expect(name).not_to_have_value("Another name!")
        expect(keys).to_have_count(len(before) - 1)

    def test_without_the_permission_there_is_no_publish_button(
        self, open_page: OpenPage, mint: Mint
    ) -> None:
        page = opened(open_page(), mint("edit", permissions="editor"))
        assert page.get_by_role("button", name="Publish").count() == 0

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("mode", ["edit", "view"])
    def test_axe_finds_no_serious_fault(
        self, open_page: OpenPage, mint: Mint, mode: str, scheme: str
    ) -> None:
        page = opened(open_page(color_scheme=scheme), mint(mode, permissions="admin"))
        assert grave_faults(page) == []
        if mode == "edit":
            page.get_by_role("tab", name="Layout").click()
            assert grave_faults(page) == []
