"""Checks that no output, log or table of a test contains an API key.

`recording` records every key that is created in this process. Output and logs are searched after
each phase of each test, all tables after each test in moto, and all log events and tables of a
deployed stack after its tests. Keys of other processes are recognized by format and checksum.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.backends import get_backend

from craftkit.auth import api_key
from local.logs import lines
from testkit.stack import RunningStack
from testkit.template import ACCOUNT, REGION

_SECRET_PART = re.compile(rf"[0-9A-Za-z]{{{api_key.RANDOM_LENGTH}}}")

minted: set[str] = set()
"""The random parts of the created keys, without the part that the prefix shows."""


def recording(mint: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """`api_key.mint` that records the keys."""

    def mint_and_note(mode: str, stage: str) -> str:
        key = mint(mode, stage)
        minted.add(_random_part(key))
        return key

    return mint_and_note


def keys_in(text: str) -> list[str]:
    """The prefixes of the keys in a text: a finding must not contain the key itself."""
    found = {
        api_key.prefix_of(match[0])
        for match in re.finditer(api_key.PATTERN, text)
        if api_key.stage_of(match[0]) or _random_part(match[0]) in minted
    }
    bare = {
        f"…{match[0][: api_key.SHOWN_RANDOM_LENGTH]}"
        for match in _SECRET_PART.finditer(text)
        if match[0] in minted
    }
    return sorted(found | bare)


def in_moto() -> Iterator[str]:
    """The tables in moto that contain a key."""
    backend = get_backend("dynamodb")[ACCOUNT][REGION]
    for name, table in backend.tables.items():
        for row in table.items.values():
            items = row.values() if isinstance(row, dict) else [row]
            for item in items:
                for prefix in keys_in(str(item.to_json())):
                    yield f"{prefix} in {name}"


def in_stack(stack: RunningStack) -> Iterator[str]:
    """The logs and tables of a deployed stage that contain a key."""
    for _, line in lines(stack.aws_endpoint_url):
        for prefix in keys_in(line):
            yield f"{prefix} in the log: {api_key.without_keys(line)}"
    dynamodb = stack.client("dynamodb")
    for name in stack.deployed.physical_ids("AWS::DynamoDB::Table").values():
        for page in dynamodb.get_paginator("scan").paginate(TableName=name):
            for item in page["Items"]:
                yield from (f"{prefix} in {name}" for prefix in keys_in(str(item)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Fail a test that had a key printed or logged."""
    report = yield
    written = "\n".join(text for title, text in report.sections if title.endswith(report.when))
    if report.passed and (found := keys_in(written)):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} had a key written: {', '.join(found)}"
    return report


def _random_part(key: str) -> str:
    return key[len("ck_live_") : len("ck_live_") + api_key.RANDOM_LENGTH]
