"""Limits in the limits table: one item for each key or project with limits, with their use.

`subject` is `key#<id>` or `project#<id>`. An item `warning#<subject>#<period>` is written once for
each day or month in which 80 % of a budget, or the percentage of the limits, is used; a function
on the table's stream turns it into an audit entry.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from craftkit import dynamodb, process_cache
from craftkit.clock import from_rfc3339, to_epoch_seconds, to_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import TooManyRequestsError
from craftkit.limits.meter import ExpectedState, Moment, next_expected_state, states, write_of
from craftkit.limits.models import Limits, LimitsState, Rate
from craftkit.rate_limits import note
from craftkit.schema import from_stored

WARN_AT_PERCENT = 80
"""Where the limits name no other percentage."""

WARNING = "warning#"

_TRIES = 10
_REMEMBERED = 1000
_WARNINGS_KEPT_FOR = timedelta(days=40)
_NAMES = {"#day": "day", "#month": "month"}

_last_expected: OrderedDict[str, ExpectedState] = OrderedDict()
"""The state that each subject's last charge found; the next charge most likely finds the same."""
process_cache.register(_last_expected.clear)


def get(subject: str, now: datetime) -> LimitsState | None:
    item = _table().get_item(Key={"subject": subject}, ConsistentRead=True).get("Item")
    return _state_of(item, Moment(now)) if item else None


def put(subject: str, project_id: str, limits: Limits, now: datetime) -> None:
    """Set a subject's limits. The use of budgets stays; a new rate starts with a full bucket."""
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
    plain = {"renders_per_day", "renders_per_month", "warn_at_percent"}
    sets |= limits.model_dump(include=plain, exclude_none=True)
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
    """A condition check for a transaction: the subject still has limits, or still has none."""
    known = "attribute_exists" if is_limited else "attribute_not_exists"
    return {
        "ConditionCheck": {
            "TableName": config.limits_table,
            "Key": {"subject": subject},
            "ConditionExpression": f"{known}(subject)",
        }
    }


def charge(subject: str, *, renders: int, kind: str) -> Item | None:
    """Charge one call to a subject, with one write if its state is as at the last charge.

    A refused charge is checked again with the time after the write, which may have been delayed.

    Returns:
        The item after the charge, or None if the subject has no limits.

    Raises:
        TooManyRequestsError: a limit is used up; nothing was charged.
    """
    expected = _last_expected.get(subject, ExpectedState())
    moment = Moment(utc_now())
    for _ in range(_TRIES):
        write = write_of(expected, moment, renders=renders)
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
            found = next_expected_state(item, moment, renders=renders, kind=kind)
            if isinstance(found, TooManyRequestsError):
                moment = Moment(utc_now())
                found = next_expected_state(item, moment, renders=renders, kind=kind)
            if isinstance(found, TooManyRequestsError):
                _note(item, moment, kind)
                raise found from None
            expected = found
        else:
            _remember(subject, expected)
            charged = dict(answer["Attributes"])
            _note(charged, moment, kind)
            return charged
    raise ConditionFailedError


def _note(item: Item, moment: Moment, kind: str) -> None:
    for state in states(item, moment, kind=kind):
        note(state)


def refund(subject: str, charged: Item, renders: int) -> None:
    """Undo the renders of a charge in its day and month. The rate stays charged."""
    for period, used in (("day", "day_used"), ("month", "month_used")):
        try:
            with dynamodb.conditions():
                _table().update_item(
                    Key={"subject": subject},
                    UpdateExpression=f"SET {used} = {used} - :renders",
                    ConditionExpression=f"#period = :charged AND {used} >= :renders",
                    ExpressionAttributeNames={"#period": period},
                    ExpressionAttributeValues={":renders": renders, ":charged": charged[period]},
                )
        except ConditionFailedError:
            continue  # the next day or month has started, and the charge no longer counts


def warn(subject: str, charged: Item, now: datetime) -> None:
    """Write a warning, once for each day and month, when so much of a budget is used."""
    percent = charged.get("warn_at_percent", WARN_AT_PERCENT)
    for period in ("day", "month"):
        limit, used = charged.get(f"renders_per_{period}"), charged[f"{period}_used"]
        if limit is None or used * 100 < limit * percent:
            continue
        if charged.get(f"{period}_warned") != charged[period]:
            _warn(subject, period, charged, now)


def mark_sent(warning: Item) -> dict[str, Any]:
    """The write that marks a warning as sent. It succeeds once, so each warning is sent once."""
    return {
        "Update": {
            "TableName": config.limits_table,
            "Key": {"subject": warning["subject"]},
            "UpdateExpression": "SET sent = :yes",
            "ConditionExpression": "attribute_exists(subject) AND attribute_not_exists(sent)",
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
        return  # another call has written the warning


def _remember(subject: str, expected: ExpectedState) -> None:
    """Remember the state for the next charge; by then the new day or month has started."""
    _last_expected[subject] = ExpectedState(
        "same", "idle" if expected.rate == "jumped" else expected.rate
    )
    _last_expected.move_to_end(subject)
    if len(_last_expected) > _REMEMBERED:
        _last_expected.popitem(last=False)


_LIMIT_FIELDS = (
    "renders_per_day",
    "renders_per_month",
    "warn_at_percent",
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
            warn_at_percent=item.get("warn_at_percent"),
            rate=from_stored(Rate, rate) if rate else None,
        ),
        renders_today=item["day_used"] if item["day"] == moment.day else 0,
        renders_this_month=item["month_used"] if item["month"] == moment.month else 0,
        since=from_rfc3339(item["since"]),
    )


def _table() -> Any:
    return dynamodb.table(config.limits_table)
