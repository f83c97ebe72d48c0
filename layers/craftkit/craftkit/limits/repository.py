"""Limits in the limits table: one item for each key or project that has any, with what is used.

`subject` is `key#<id>` or `project#<id>`. Beside them stand `warning#<subject>#<period>`, once for
each day and month in which a budget ran low; the table's stream makes audit entries of them.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from craftkit import dynamodb
from craftkit.clock import from_rfc3339, to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import TooManyRequestsError
from craftkit.limits.meter import Guess, Moment, next_guess, states, write_of
from craftkit.limits.models import Limits, LimitsState, Rate
from craftkit.rate_limits import note

WARN_AT_PERCENT = 80
WARNING = "warning#"

_TRIES = 10
_REMEMBERED = 1000
_WARNINGS_KEPT_FOR = timedelta(days=40)
_NAMES = {"#day": "day", "#month": "month"}

_last_guess: OrderedDict[str, Guess] = OrderedDict()
"""How each subject's last charge succeeded: the next, most likely, will succeed the same way."""


def get(subject: str, now: datetime) -> LimitsState | None:
    item = _table().get_item(Key={"subject": subject}, ConsistentRead=True).get("Item")
    return _state_of(item, Moment(now)) if item else None


def put(subject: str, project_id: str, limits: Limits, now: datetime) -> None:
    """Set a subject's limits. What is used stays; a new rate starts with a full bucket."""
    moment = Moment(now)
    sets: dict[str, Any] = {"project_id": project_id}
    if limits.rate:
        interval = limits.rate.interval_us
        sets |= {
            "rate": limits.rate.model_dump(),
            "burst": limits.rate.burst,
            "interval_us": interval,
            "idle_offset_us": interval * (2 - limits.rate.burst),
            "empty_until": 0,
            "free_at": 0,
        }
    sets |= limits.model_dump(include={"renders_per_day", "renders_per_month"}, exclude_none=True)
    starts = {
        "day": moment.day,
        "month": moment.month,
        "day_used": 0,
        "month_used": 0,
        "since": to_rfc3339(now),
    }
    gone = set(_LIMIT_FIELDS) - set(sets)
    names = {f"#{name}": name for name in (*sets, *starts, *gone)}
    expression = ", ".join(
        [f"#{name} = :{name}" for name in sets]
        + [f"#{name} = if_not_exists(#{name}, :{name})" for name in starts]
    )
    expression = f"SET {expression}"
    if gone:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in sorted(gone))
    _table().update_item(
        Key={"subject": subject},
        UpdateExpression=expression,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": value for name, value in {**sets, **starts}.items()},
    )


def delete(subject: str) -> None:
    _table().delete_item(Key={"subject": subject})


def check(subject: str, *, is_limited: bool) -> dict[str, Any]:
    """For a transaction: the subject has limits, or has none, as was read before."""
    known = "attribute_exists" if is_limited else "attribute_not_exists"
    return {
        "ConditionCheck": {
            "TableName": config.limits_table,
            "Key": {"subject": subject},
            "ConditionExpression": f"{known}(subject)",
        }
    }


def charge(subject: str, now: datetime, *, renders: int, of: str) -> Item | None:
    """Take the room of one call, in one write where the last charge tells how.

    Returns:
        The item as it is now, or None where the subject has no limits.

    Raises:
        TooManyRequestsError: there is no room, and nothing was taken.
    """
    moment = Moment(now)
    guess = _last_guess.get(subject, Guess())
    for _ in range(_TRIES):
        write = write_of(guess, moment, renders=renders)
        try:
            with dynamodb.conditions():
                answer = _table().update_item(
                    Key={"subject": subject},
                    UpdateExpression=write.update,
                    ConditionExpression=write.condition,
                    ExpressionAttributeNames=_NAMES,
                    ExpressionAttributeValues=write.values,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailedError as error:
            item = error.items[0]
            if item is None:
                return None
            found = next_guess(item, moment, renders=renders, of=of)
            if isinstance(found, TooManyRequestsError):
                _note(item, moment, of)
                raise found from None
            guess = found
        else:
            _remember(subject, guess)
            charged = dict(answer["Attributes"])
            _note(charged, moment, of)
            return charged
    raise ConditionFailedError


def _note(item: Item, moment: Moment, of: str) -> None:
    for state in states(item, moment, of=of):
        note(state)


def give_back(subject: str, charged: Item) -> None:
    """Undo the render of a charge, in the day and the month that were charged. The rate stays."""
    for period, used in (("day", "day_used"), ("month", "month_used")):
        try:
            with dynamodb.conditions():
                _table().update_item(
                    Key={"subject": subject},
                    UpdateExpression=f"SET {used} = {used} - :one",
                    ConditionExpression=f"#period = :charged AND {used} >= :one",
                    ExpressionAttributeNames={"#period": period},
                    ExpressionAttributeValues={":one": 1, ":charged": charged[period]},
                )
        except ConditionFailedError:
            continue  # the next has begun, and what was used of the last no longer counts


def warn(subject: str, charged: Item, now: datetime) -> None:
    """Note, once a day and month, that a budget is at 80 per cent."""
    for period in ("day", "month"):
        limit, used = charged.get(f"renders_per_{period}"), charged[f"{period}_used"]
        if limit is None or used * 100 < limit * WARN_AT_PERCENT:
            continue
        if charged.get(f"{period}_warned") != charged[period]:
            _warn(subject, period, charged, now)


def mark_sent(warning: Item) -> dict[str, Any]:
    """For the transaction that tells of a warning: it holds once, however often it is tried."""
    return {
        "Update": {
            "TableName": config.limits_table,
            "Key": {"subject": warning["subject"]},
            "UpdateExpression": "SET told = :yes",
            "ConditionExpression": "attribute_exists(subject) AND attribute_not_exists(told)",
            "ExpressionAttributeValues": {":yes": True},
        }
    }


def _warn(subject: str, period: str, charged: Item, now: datetime) -> None:
    table = config.limits_table
    item = {
        "subject": f"{WARNING}{subject}#{charged[period]}",
        "warned_subject": subject,
        "project_id": charged["project_id"],
        "period": period,
        "used": charged[f"{period}_used"],
        "limit": charged[f"renders_per_{period}"],
        "at": to_rfc3339(now),
        "expires_at": to_epoch_seconds(now + _WARNINGS_KEPT_FOR),
    }
    mark = {
        "TableName": table,
        "Key": {"subject": subject},
        "UpdateExpression": f"SET {period}_warned = :period",
        "ConditionExpression": (
            f"attribute_not_exists({period}_warned) OR {period}_warned <> :period"
        ),
        "ExpressionAttributeValues": {":period": charged[period]},
    }
    unseen = "attribute_not_exists(subject)"
    try:
        dynamodb.transact(
            [
                {"Put": {"TableName": table, "Item": item, "ConditionExpression": unseen}},
                {"Update": mark},
            ]
        )
    except ConditionFailedError:
        return  # another call has warned of it


def _remember(subject: str, guess: Guess) -> None:
    """A new period begins once; after it, the day is the same again."""
    _last_guess[subject] = Guess("same", "idle" if guess.rate == "jumped" else guess.rate)
    _last_guess.move_to_end(subject)
    if len(_last_guess) > _REMEMBERED:
        _last_guess.popitem(last=False)


_LIMIT_FIELDS = (
    "renders_per_day",
    "renders_per_month",
    "rate",
    "burst",
    "interval_us",
    "idle_offset_us",
    "empty_until",
    "free_at",
)


def _state_of(item: Item, moment: Moment) -> LimitsState:
    rate = {name: int(value) for name, value in item["rate"].items()} if "rate" in item else None
    return LimitsState(
        limits=Limits(
            renders_per_day=item.get("renders_per_day"),
            renders_per_month=item.get("renders_per_month"),
            rate=Rate.model_validate(rate) if rate else None,
        ),
        renders_today=item["day_used"] if item["day"] == moment.day else 0,
        renders_this_month=item["month_used"] if item["month"] == moment.month else 0,
        since=from_rfc3339(item["since"]),
    )


def _table() -> Any:
    return dynamodb.table(config.limits_table)
