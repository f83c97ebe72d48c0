"""A table's stream as Lambda passes it to functions: batches of records that match a filter."""

import json
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from testkit.cloud import Cloud
from testkit.template import ACCOUNT, REGION, Template

Json = dict[str, Any]


class Stream:
    """The stream records of a table in moto.

    Args:
        source: logical id of the event source mapping in template.yaml that reads it.
    """

    def __init__(self, cloud: Cloud, source: str) -> None:
        source_of = cloud.template.of_type("AWS::Lambda::EventSourceMapping")[source]
        arn = cloud.template.resolve(source_of["EventSourceArn"], cloud.names)
        self._table = str(arn).split("/")[1]
        self._patterns = patterns_of(cloud.template, source)
        self._seen = 0

    def event(self) -> Json:
        """The matching records since the last call, as the function's event."""
        records = self._records()
        new, self._seen = records[self._seen :], len(records)
        return {"Records": [each for each in new if passes(each, self._patterns)]}

    def _records(self) -> list[Json]:
        """The records that moto stored; moto implements only a part of the streams API."""
        table = dynamodb_backends[ACCOUNT][REGION].get_table(self._table)
        shard = table.stream_shard
        records = [each.to_json() for each in shard.items] if shard else []
        return [json.loads(json.dumps(record, default=str)) for record in records]


def source_of(properties: Json) -> tuple[str, str]:
    """Logical id and attribute of an event source's queue or table."""
    arn = properties["EventSourceArn"]
    if "Ref" in arn:  # a table of the data stack
        return str(arn["Ref"]).removesuffix("StreamArn"), "StreamArn"
    logical_id, attribute = arn["Fn::GetAtt"]
    return logical_id, attribute


def patterns_of(template: Template, source: str) -> list[Json]:
    """The filter of an event source mapping, parsed."""
    properties = template.of_type("AWS::Lambda::EventSourceMapping")[source]
    filters = properties.get("FilterCriteria", {}).get("Filters", [])
    return [json.loads(each["Pattern"]) for each in filters]


def passes(record: Json, patterns: list[Json]) -> bool:
    """Whether a record matches the filter patterns, as far as template.yaml uses their syntax."""
    return not patterns or any(_fits(record, pattern) for pattern in patterns)


def _fits(value: Any, pattern: Json) -> bool:
    for name, wanted in pattern.items():
        if not isinstance(value, dict) or name not in value:
            return False
        if isinstance(wanted, dict):
            if not _fits(value[name], wanted):
                return False
        elif not any(_is(value[name], option) for option in wanted):
            return False
    return True


def _is(value: Any, option: Any) -> bool:
    if isinstance(option, dict):
        return isinstance(value, str) and value.startswith(option["prefix"])
    return bool(value == option)
