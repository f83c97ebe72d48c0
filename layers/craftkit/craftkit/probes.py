"""What a new version of a function must have before callers reach it.

Each function declares its needs:

    @needs("RENDERS_TABLE", reads=(item("RENDERS_TABLE"),))
    @endpoint
    def handler(request: Request) -> Response: ...

CodeDeploy's pre-traffic hook sends `PROBE` to the new version. The version then checks that every
variable is set, and makes every read with its own role. A read changes nothing.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from craftkit.config import missing_variables, variable

Json = dict[str, Any]
Handler = Callable[..., Any]

PROBE: Json = {"craftkit": "probe"}
"""The event of a probe. No route, queue, stream or schedule can send it."""

# The key attributes of each table; a test compares them with the template.
KEYS: dict[str, tuple[str, ...]] = {
    "KEYS_TABLE": ("key_hash",),
    "PROOFS_TABLE": ("proof",),
    "TRUST_RULES_TABLE": ("project_id", "rule_id"),
    "TRUST_TOKENS_TABLE": ("pk", "sk"),
    "KEY_ACTIVITY_TABLE": ("key_id", "secret_day"),
    "LIMITS_TABLE": ("subject",),
    "REQUESTS_TABLE": ("log_id", "at_request"),
    "PROJECTS_TABLE": ("pk", "sk"),
    "CONTENT_TABLE": ("pk", "sk"),
    "RENDERS_TABLE": ("project_id", "render_id"),
    "RENDER_KEYS_TABLE": ("project_id", "render_id"),
    "BATCHES_TABLE": ("project_id", "batch_id"),
    "EMBED_SESSIONS_TABLE": ("pk", "sk"),
    "EMBED_KEYS_TABLE": ("ring", "kid"),
    "DELIVERIES_TABLE": ("endpoint_id", "delivery_id"),
    "USAGE_TABLE": ("project_id", "day_mode_key"),
}
_EVERY_FUNCTION = ("STAGE",)
_NOTHING = "probe"  # a key value that no item has

Read = Callable[[], object]


def needs(
    *variables: str, reads: Sequence[Read] = (), after: Callable[[], object] | None = None
) -> Callable[[Handler], Handler]:
    """Let a handler answer `PROBE` with what is missing.

    Args:
        variables: the environment variables that the function requires, in addition to STAGE.
        reads: calls that fail where the function's role lacks a right.
        after: called when a probe was answered, as the handler would have called it. A deferred
            write waits for it, and Lambda counts that wait against the function's time-out. An
            `endpoint` brings its own.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def probed(event: Any, context: Any) -> Any:
            if event != PROBE:
                return handler(event, context)
            try:
                return answer(variables, reads)
            finally:
                if ended := after or handler.__dict__.get("after_probe"):
                    ended()

        probed.__dict__["needs"] = (variables, reads)
        return probed

    return decorate


def answer(variables: Sequence[str], reads: Sequence[Read]) -> Json:
    """`{"fit": true}`, or what is missing: names of variables, and the errors of reads."""
    missing = missing_variables((*_EVERY_FUNCTION, *variables))
    if missing:
        return {"fit": False, "missing": missing}
    failed = [error for read in reads if (error := _error_of(read))]
    return {"fit": False, "failed": failed} if failed else {"fit": True}


def is_fit(payload: bytes, failed: bool) -> bool:
    """Whether callers may reach a version that answered this.

    Args:
        failed: whether Lambda reports that the function raised, timed out or ran out of memory.
    """
    return not failed and payload.replace(b" ", b"") == b'{"fit":true}'


def item(table: str) -> Read:
    """`dynamodb:GetItem` on the table in this variable."""
    return _named(f"GetItem {table}", lambda: _table(table).get_item(Key=_key(table)))


def query(table: str, index: str = "", key: str = "") -> Read:
    """`dynamodb:Query` on the table in this variable, or on one of its indexes.

    Args:
        key: the index's partition key.
    """

    def read() -> object:
        from boto3.dynamodb.conditions import Key

        condition = Key(key or KEYS[table][0]).eq(_NOTHING)
        of_index = {"IndexName": index} if index else {}
        return _table(table).query(KeyConditionExpression=condition, Limit=1, **of_index)

    return _named(f"Query {table}", read)


def update(table: str) -> Read:
    """`dynamodb:UpdateItem` on the table in this variable, with a condition that no item meets."""

    def read() -> object:
        client = _table(table).meta.client
        try:
            return _table(table).update_item(
                Key=_key(table),
                UpdateExpression="SET #probe = :probe",
                ConditionExpression="attribute_exists(#key)",
                ExpressionAttributeNames={"#probe": "probe", "#key": KEYS[table][0]},
                ExpressionAttributeValues={":probe": _NOTHING},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return None

    return _named(f"UpdateItem {table}", read)


def put(table: str) -> Read:
    """`dynamodb:PutItem` on the table in this variable, with a condition that no item meets."""

    def read() -> object:
        client = _table(table).meta.client
        try:
            return _table(table).put_item(
                Item=_key(table),
                ConditionExpression="attribute_exists(#key)",
                ExpressionAttributeNames={"#key": KEYS[table][0]},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return None

    return _named(f"PutItem {table}", read)


def secret(name: str) -> Read:
    """`secretsmanager:GetSecretValue` on the secret in this variable."""

    def read() -> object:
        import boto3

        return boto3.client("secretsmanager").get_secret_value(SecretId=variable(name))["ARN"]

    return _named(f"GetSecretValue {name}", read)


def invocation(name: str) -> Read:
    """`lambda:InvokeFunction` on the function in this variable. A dry run does not invoke it."""

    def read() -> object:
        import boto3

        client = boto3.client("lambda")
        return client.invoke(FunctionName=variable(name), InvocationType="DryRun")["StatusCode"]

    return _named(f"InvokeFunction {name}", read)


def _table(name: str) -> Any:
    from craftkit.dynamodb import table

    return table(variable(name))


def _key(table: str) -> dict[str, str]:
    return dict.fromkeys(KEYS[table], _NOTHING)


def _named(name: str, read: Read) -> Read:
    read.__name__ = name
    return read


def _error_of(read: Read) -> str | None:
    try:
        read()
    except Exception as error:
        return f"{getattr(read, '__name__', 'read')}: {type(error).__name__}: {error}"
    return None
