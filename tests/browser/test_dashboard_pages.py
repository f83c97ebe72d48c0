"""Single pages of the dashboard in Chromium: what costs nobody their work."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from craftkit.projects.models import Project
from tests.support.project import publish

OpenPage = Callable[..., Page]


@pytest.fixture
def template(project: Project) -> str:
    publish(project.id, "invoice")
    return "invoice"


class TestEditor:
    def test_tab_over_a_selection_indents_it_and_can_be_undone(
        self, open_dashboard: OpenPage, template: str
    ) -> None:
        page = open_dashboard(f"/templates/{template}/edit")
        source = page.get_by_label("Source")
        source.click()
        source.press("End")
        source.press_sequentially(" x")
        text = source.input_value()
        source.press("Control+a")
        source.press("Tab")
        assert source.input_value() == "\n".join(
            f"  {line}" if line else line for line in text.split("\n")
        )
        source.press("Control+z")
        assert source.input_value() == text
