"""Sums stay exact with duplicates, concurrent writes and partial failures."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError, ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st

from craftkit import dynamodb
from craftkit.ids import derived_id
from craftkit.usage import repository, service
from craftkit.usage.models import Metered
from testkit.clock import FrozenClock, frozen_time
from testkit.cloud import variables
from testkit.tables import MemoryTables
from testkit.template import Part, template

DAY = date(2026, 3, 14)
NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)

renders = st.builds(
    lambda number: Metered(
        "project",
        derived_id(NOW, str(number)),
        NOW + timedelta(seconds=number * 5 % 60),
        "live",
        "key",
        "invoice",
        number % 3 + 1,
    ),
    st.integers(0, 60),
)
batches = st.lists(
    st.tuples(
        st.lists(renders, min_size=1, max_size=30),
        st.sampled_from(["fine", "conflict", "conflicts", "answer lost"]),
    ),
    max_size=8,
)


class Table:
    """The usage table; `fault` is the error of the next transaction."""

    def __init__(self) -> None:
        properties = template("prod", Part.DATA).of_type("AWS::DynamoDB::Table")["UsageTable"]
        self.tables = MemoryTables({"usage": properties})
        self.fault = "fine"

    def transact(self, writes: list[dict[str, Any]], **_: Any) -> None:
        fault, self.fault = self.fault, "conflict" if self.fault == "conflicts" else "fine"
        if fault.startswith("conflict"):
            raise ClientError({"Error": {"Code": "TransactionCanceledException"}}, "Transact")
        with dynamodb.conditions():
            self.tables.call("TransactWriteItems", {"TransactItems": writes})
        if fault == "answer lost":
            raise ConnectionClosedError(endpoint_url="https://dynamodb")

    def query(self, _: str, **how: Any) -> Any:
        return self.tables.tables["usage"].query(how)["Items"]


@given(batches)
def test_counting__each_render_is_counted_once(
    sent: list[tuple[list[Metered], str]],
) -> None:
    table = Table()
    with (
        frozen_time(FrozenClock(NOW)),
        variables({"USAGE_TABLE": "usage", "RETENTION_DAYS": "90"}),
        patch.object(repository.dynamodb, "transact", table.transact),
        patch.object(repository.dynamodb, "query", table.query),
        patch.object(repository, "LIST_LIMIT", 4),
    ):
        counted = 0
        for batch, fault in sent:
            table.fault = fault
            for _ in range(3):  # the stream brings it again until it is done
                try:
                    counted += service.count_renders(batch)
                except (ClientError, ConnectionClosedError):
                    continue
                break
        found = repository.between("project", DAY, DAY)
    wanted = {each.render_id: each.page_count for batch, _ in sent for each in batch}
    assert sum(counter.renders for counter in found) == len(wanted)
    assert sum(counter.pages for counter in found) == sum(wanted.values())
    assert len(found) <= 1
    assert counted <= len(wanted)
    rows = Counter(key[0] == "project" for key in table.tables.tables["usage"].items)
    assert rows[True] <= repository.ROWS
