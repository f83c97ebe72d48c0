"""Trust rules in Chromium: created, tried with a token, ended."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from craftkit.projects.models import Project
from craftkit.trust import issuers
from craftkit.trust import service as trust
from testkit.browser import grave_faults
from testkit.issuer import ISSUER, SUBJECT, Issuer

OpenPage = Callable[..., Page]


def test_a_rule_is_created_tried_with_a_token_and_ended(
    open_dashboard: OpenPage, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Issuer()
    monkeypatch.setattr(issuers, "fetch_keys", lambda _issuer: tuple(signer.jwks))
    page = open_dashboard("/trust")
    page.get_by_role("link", name="Create trust rule").first.click()
    page.get_by_label("Name").fill("Release job")
    page.get_by_label("Issuer").fill(ISSUER)
    page.get_by_label("Subject").fill(SUBJECT)
    page.get_by_label("Further claims").fill("repository_owner_id=42")
    page.get_by_role("button", name="Create trust rule").click()
    expect(page.get_by_role("status")).to_contain_text("accepts tokens from now on")
    page.get_by_role("button", name="Try a token").click()
    dialog = page.get_by_role("dialog", name="Try a token")
    dialog.get_by_label("Token").fill(signer.sign())
    dialog.get_by_role("button", name="Try", exact=True).click()
    expect(dialog).to_contain_text("The token is accepted by Release job.")
    dialog.get_by_label("Token").fill(signer.sign(repository_owner_id="43"))
    dialog.get_by_role("button", name="Try", exact=True).click()
    expect(dialog).to_contain_text("repository_owner_id: the value does not match 42.")
    assert grave_faults(page) == []
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="End").click()
    page.get_by_role("dialog", name="End Release job?").get_by_role(
        "button", name="End", exact=True
    ).click()
    expect(page.get_by_role("status")).to_contain_text("Release job has ended")
    assert [rule.status for rule in trust.list_rules(project.id)] == ["ended"]
