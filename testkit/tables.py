"""DynamoDB in memory, fast enough for thousands of renders. For the calls that the code makes it
behaves like moto; `tests/functional/test_tables.py` compares the two call by call.
"""

import base64
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeSerializer
from botocore.exceptions import ClientError

from testkit.expressions import Item, holds, meets, updated

Json = dict[str, Any]
Key = tuple[Any, ...]

PAGE_ITEMS = 50
"""The maximum number of items of a page of `Query`: few, so that every test pages."""


class MemoryTable:
    """One table. `records` is its stream: sequence number, item before, item after."""

    def __init__(self, properties: Json) -> None:
        self.key = _names_of(properties["KeySchema"])
        self.indexes = {
            index["IndexName"]: _names_of(index["KeySchema"])
            for index in properties.get("GlobalSecondaryIndexes", [])
        }
        stream = properties.get("StreamSpecification")
        self._view = stream["StreamViewType"] if stream else None
        self.items: dict[Key, Item] = {}
        self.records: list[Json] = []
        self._by_hash: dict[str | None, dict[Any, dict[Key, None]]] = {
            name: {} for name in (None, *self.indexes)
        }

    def key_of(self, item: Item) -> Key:
        return tuple(item[name] for name in self.key)

    def write(self, key: Key, new: Item | None) -> None:
        """Replace or delete an item."""
        old = self.items.pop(key, None)
        for index, (hash_name, *_) in [(None, self.key), *self.indexes.items()]:
            groups = self._by_hash[index]
            if old is not None and hash_name in old:
                groups[old[hash_name]].pop(key, None)
            if new is not None and hash_name in new:
                groups.setdefault(new[hash_name], {})[key] = None
        if new is not None:
            self.items[key] = new
        if self._view and old != new:
            self.records.append(self._record(old, new))

    def query(self, params: Json) -> Json:
        index = params.get("IndexName")
        names = self.indexes[index] if index else self.key
        condition = params["KeyConditionExpression"]
        wanted = _hash_of(condition)
        keys = self._by_hash[index].get(wanted, {})
        found = [item for key in keys if meets(condition, item := self.items[key])]
        if index:
            found = [item for item in found if all(name in item for name in names)]
        order = (*names[1:], *self.key)
        found.sort(
            key=lambda item: [item[name] for name in order],
            reverse=not params.get("ScanIndexForward", True),
        )
        if start := params.get("ExclusiveStartKey"):
            after = self.key_of(start)
            keys_found = [self.key_of(item) for item in found]
            found = found[keys_found.index(after) + 1 :] if after in keys_found else found
        limit = min(params.get("Limit", PAGE_ITEMS), PAGE_ITEMS)
        page, rest = found[:limit], found[limit:]
        answer: Json = {}
        if rest or (page and len(page) == params.get("Limit")):
            shown = {*self.key, *names}
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in shown}
        if matching := params.get("FilterExpression"):
            page = [item for item in page if meets(matching, item)]
        return {**answer, "Items": [_copy(item) for item in page], "Count": len(page)}

    def _record(self, old: Item | None, new: Item | None) -> Json:
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        data: Json = {"SequenceNumber": f"{len(self.records):021}"}
        if new is not None and "NEW" in str(self._view):
            data["NewImage"] = _wire(new)
        if old is not None and "OLD" in str(self._view):
            data["OldImage"] = _wire(old)
        return {"eventName": name, "eventSource": "aws:dynamodb", "dynamodb": data}


class MemoryTables:
    """The tables of a template, by physical name; `call` takes the parameters of a boto3 client."""

    def __init__(self, definitions: dict[str, Json]) -> None:
        self.tables = {name: MemoryTable(each) for name, each in definitions.items()}

    def call(self, operation: str, params: Json) -> Json:
        """One operation, all or nothing.

        Raises:
            ClientError: a condition failed; contains the item if the request asks for it.
        """
        if operation == "TransactWriteItems":
            return self._transact(params["TransactItems"])
        table = self.tables[params["TableName"]]
        if operation == "GetItem":
            item = table.items.get(table.key_of(_copy(params["Key"])))
            return {"Item": _copy(item)} if item is not None else {}
        if operation == "Query":
            return table.query(params)
        key, old, new, is_met = self._planned(operation.removesuffix("Item"), params)
        if not is_met:
            raise _refused(old, params)
        table.write(key, new)
        returned = params.get("ReturnValues", "NONE")
        if returned == "NONE":
            return {}
        shown = new if returned.endswith("NEW") else old
        return {"Attributes": _copy(shown)} if shown else {}

    def _transact(self, writes: list[Json]) -> Json:
        planned = []
        for write in writes:
            ((kind, params),) = write.items()
            planned.append((self.tables[params["TableName"]], params, self._planned(kind, params)))
        if not all(is_met for _, _, (_, _, _, is_met) in planned):
            raise _cancelled([(params, plan) for _, params, plan in planned])
        for table, _, (key, _, new, _) in planned:
            if (key, new) != (key, table.items.get(key)):
                table.write(key, new)
        return {}

    def _planned(self, kind: str, params: Json) -> tuple[Key, Item | None, Item | None, bool]:
        """The key, the item before and after, and whether the condition holds."""
        table = self.tables[params["TableName"]]
        key = table.key_of(_copy(params.get("Item") or params.get("Key") or {}))
        old = table.items.get(key)
        names = params.get("ExpressionAttributeNames", {})
        values = _copy(params.get("ExpressionAttributeValues", {}))
        condition = params.get("ConditionExpression")
        if condition and not holds(condition, old or {}, names, values):
            return key, old, old, False
        if kind == "Put":
            return key, old, _copy(params["Item"]), True
        if kind == "Delete":
            return key, old, None, True
        if kind == "ConditionCheck":
            return key, old, old, True
        base = old if old is not None else dict(zip(table.key, key, strict=True))
        return key, old, updated(params["UpdateExpression"], base, names, values), True


def _names_of(schema: list[Json]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in schema)


def _hash_of(condition: Any) -> Any:
    said = condition.get_expression()
    first = said["values"][0]
    return said["values"][1] if said["operator"] == "=" else _hash_of(first)


def _copy(value: Any) -> Any:
    """A copy of a value as DynamoDB returns it: numbers as Decimal, bytes as Binary."""
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(part) for part in value]
    if isinstance(value, bytes | bytearray):
        return Binary(bytes(value))
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return Decimal(value)


_serializer = TypeSerializer()


def _wire(item: Item) -> Json:
    return {name: _as_json(_serializer.serialize(value)) for name, value in item.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _refused(old: Item | None, params: Json) -> ClientError:
    response: Json = {
        "Error": {
            "Code": "ConditionalCheckFailedException",
            "Message": "The conditional request failed",
        }
    }
    if old is not None and params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
        response["Item"] = {name: _serializer.serialize(value) for name, value in old.items()}
    return ClientError(response, "UpdateItem")  # type: ignore[arg-type]


def _cancelled(planned: list[tuple[Json, tuple[Key, Item | None, Item | None, bool]]]) -> Any:
    reasons: list[Json] = []
    for params, (_, old, _, is_met) in planned:
        reason: Json = {"Code": "None" if is_met else "ConditionalCheckFailed"}
        shows = params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        if not is_met and old is not None and shows:
            reason["Item"] = {name: _serializer.serialize(value) for name, value in old.items()}
        reasons.append(reason)
    response: Json = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": reasons,
    }
    return ClientError(response, "TransactWriteItems")  # type: ignore[arg-type]
