"""The in-memory tables behave like moto for every kind of call that the code makes."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from moto import mock_aws

from testkit.tables import MemoryTables

TABLE = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "waiting", "due_at")
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "waiting",
            "KeySchema": [
                {"AttributeName": "waiting", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
Call = Callable[..., Any]


@pytest.fixture
def both() -> Iterator[Call]:
    """`both("PutItem", Item=…)`: made on moto and in in_memory; the answer, if it is the same."""
    with mock_aws():
        resource: Any = boto3.resource("dynamodb")
        client: Any = resource.meta.client
        client.create_table(TableName="rows", BillingMode="PAY_PER_REQUEST", **TABLE)
        in_memory = MemoryTables({"rows": TABLE})

        def call(operation: str, **params: Any) -> Any:
            named = params if operation == "TransactWriteItems" else {"TableName": "rows", **params}
            theirs = outcome(lambda: client._make_api_call(operation, named))
            ours = outcome(lambda: in_memory.call(operation, named))
            assert ours == theirs, operation
            return ours

        yield call


def outcome(make: Callable[[], Any]) -> Any:
    """The visible result: the items, or the error with its reasons."""
    try:
        answer = make()
    except ClientError as error:
        response: Any = error.response
        reasons = [
            (reason["Code"], reason.get("Item"))
            for reason in response.get("CancellationReasons", [])
        ]
        return response["Error"]["Code"], response.get("Item"), reasons
    compared = ("Item", "Items", "Attributes", "LastEvaluatedKey")
    return {name: answer[name] for name in compared if answer.get(name)}


def row(sk: str, **more: Any) -> dict[str, Any]:
    return {"pk": "p", "sk": sk, "status": "queued", "attempt": 1, "kept": b"\x00data", **more}


def update(sk: str, expression: str, condition: str | None = None, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Key": {"pk": "p", "sk": sk},
        "UpdateExpression": expression,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if condition:
        made["ConditionExpression"] = condition
    if "#status" in expression + (condition or ""):
        made["ExpressionAttributeNames"] = {"#status": "status"}
    if values:
        made["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return made


def test_a_conditional_put_does_not_replace_an_item(both: Call) -> None:
    unseen = "attribute_not_exists(pk)"
    both("PutItem", Item=row("a"), ConditionExpression=unseen)
    refused = both("PutItem", Item=row("a", attempt=2), ConditionExpression=unseen)
    assert refused[0] == "ConditionalCheckFailedException"
    assert both("GetItem", Key={"pk": "p", "sk": "a"})["Item"]["attempt"] == 1


@pytest.mark.parametrize(
    "change",
    [
        update("a", "SET #status = :s, due_at = :d", "#status = :q", s="x", d="1", q="queued"),
        update("a", "SET #status = :s ADD attempt :one", "attempt < :n", s="x", one=1, n=2),
        update("a", "SET #status = :s REMOVE kept, waiting", "#status <> :s", s="failed"),
        update("a", "SET seen = if_not_exists(seen, :now)", now="2026"),
        update("a", "SET t = list_append(if_not_exists(t, :n), :new)", n=[], new=[{"a": 1}]),
        update("a", "SET attempt = attempt + :two", "attribute_exists(kept)", two=2),
        update("a", "SET #status = :s", "NOT (#status = :q OR attempt > :n)", s="x", q="a", n=9),
        update("a", "SET #status = :s", "gone = :q", s="x", q="queued"),
        update("a", "SET #status = :s", "(attribute_not_exists(x) OR x <= :n) AND #status = :q",
               s="x", n="5", q="queued"),
        update("new", "ADD renders :one, pages :three", one=1, three=3),
        update("new", "SET #status = :s", "#status = :q", s="x", q="queued"),
    ],
)  # fmt: skip
def test_an_update_has_the_same_result(both: Call, change: dict[str, Any]) -> None:
    both("PutItem", Item=row("a", waiting="1"))
    both("UpdateItem", **change)
    for sk in ("a", "new"):
        both("GetItem", Key={"pk": "p", "sk": sk})


def test_a_failed_transaction_writes_nothing_and_returns_its_reasons(both: Call) -> None:
    both("PutItem", Item=row("taken"))
    puts = [
        {
            "Put": {
                "TableName": "rows",
                "Item": row(sk),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        for sk in ("free", "taken")
    ]
    refused = both("TransactWriteItems", TransactItems=puts)
    assert [code for code, _ in refused[2]] == ["None", "ConditionalCheckFailed"]
    assert both("GetItem", Key={"pk": "p", "sk": "free"}) == {}
    counted = {
        "Update": {
            "TableName": "rows",
            "Key": {"pk": "p", "sk": "count"},
            "UpdateExpression": "ADD renders :one",
            "ExpressionAttributeValues": {":one": 1},
        }
    }
    gone = {"Delete": {"TableName": "rows", "Key": {"pk": "p", "sk": "taken"}}}
    both("TransactWriteItems", TransactItems=[puts[0], counted, gone])
    for sk in ("free", "taken", "count"):
        both("GetItem", Key={"pk": "p", "sk": sk})


@pytest.mark.parametrize(
    "query",
    [
        {"KeyConditionExpression": Key("pk").eq("p")},
        {"KeyConditionExpression": Key("pk").eq("p"), "ScanIndexForward": False, "Limit": 4},
        {"KeyConditionExpression": Key("pk").eq("p") & Key("sk").begins_with("a")},
        {"KeyConditionExpression": Key("pk").eq("p") & Key("sk").between("a1", "b1")},
        {"KeyConditionExpression": Key("pk").eq("p") & Key("sk").lt("b")},
        {"KeyConditionExpression": Key("pk").eq("none")},
        {"KeyConditionExpression": Key("pk").eq("p"), "FilterExpression": Attr("attempt").eq(2)},
        {"IndexName": "waiting", "KeyConditionExpression": Key("waiting").eq("1")},
        {
            "IndexName": "waiting",
            "KeyConditionExpression": Key("waiting").eq("1") & Key("due_at").lte("2"),
        },
    ],
)
def test_a_query_returns_the_same_items_in_the_same_order(
    both: Call, query: dict[str, Any]
) -> None:
    for number, sk in enumerate(("b1", "a2", "c1", "a1", "a3", "b2")):
        more = {"waiting": "1", "due_at": str(9 - number)} if number % 2 else {}
        both("PutItem", Item=row(sk, attempt=1 + number % 2, **more))
    first = both("Query", **query)
    if last := first.get("LastEvaluatedKey"):
        both("Query", **query, ExclusiveStartKey=last)


def test_an_item_without_the_index_key_is_not_in_the_index(both: Call) -> None:
    both("PutItem", Item=row("a", waiting="1", due_at="1"))
    query = {"IndexName": "waiting", "KeyConditionExpression": Key("waiting").eq("1")}
    assert both("Query", **query)["Items"]
    both("UpdateItem", **update("a", "REMOVE waiting, due_at"))
    assert both("Query", **query) == {}
    both("DeleteItem", Key={"pk": "p", "sk": "a"})
    assert both("GetItem", Key={"pk": "p", "sk": "a"}) == {}
