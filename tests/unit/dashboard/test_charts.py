"""Charts of numbers, with escaped names."""

from xml.etree import ElementTree

import pytest

from dashboard.charts import bars, sparkline


def test_a_sparkline_has_a_bar_for_each_day_and_the_highest_fills_it() -> None:
    drawn = ElementTree.fromstring(sparkline([0, 5, 10], "10 requests", 60, 20))
    heights = [float(bar.get("height", "0")) for bar in drawn]
    assert heights == [1.0, 10.0, 20.0]
    assert drawn.get("aria-label") == "10 requests"


@pytest.mark.parametrize("values", [[], [0], [0] * 90, [10**12, 1]])
def test_a_chart_of_any_values_is_well_formed_xml(values: list[int]) -> None:
    days = [f"{day} Nov" for day in range(len(values))]
    ElementTree.fromstring(sparkline(values, "x"))
    ElementTree.fromstring(bars(days, {"live": values, "test": values}, "x"))


def test_a_name_in_a_chart_is_escaped() -> None:
    drawn = bars(["<b>"], {"<script>": [1]}, '"><script>')
    assert "<script>" not in drawn
    assert "<b>" not in drawn


def test_columns_are_stacked() -> None:
    drawn = ElementTree.fromstring(bars(["1 Nov"], {"live": [1], "test": [1]}, "x", 100, 104))
    live, test = (each for each in drawn if each.get("class", "").startswith("series"))
    assert float(live.get("y", "0")) == pytest.approx(
        float(test.get("y", "0")) + float(test.get("height", "0"))
    )


def test_every_label_of_the_scale_is_inside_the_image() -> None:
    drawn = ElementTree.fromstring(bars(["1 Nov"], {"live": [3]}, "x", 100, 104))
    written = [float(each.get("y", "0")) for each in drawn if each.get("class") == "axis"]
    assert all(11 <= baseline <= 104 for baseline in written)
