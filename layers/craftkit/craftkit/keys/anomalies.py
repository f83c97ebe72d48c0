"""Finds uses of a key that do not fit its past, and reports them as `key.anomalous`.

What is compared is a day of the secret that was used with the last 30 days of its use, as the
authorizer wrote them, and refused requests with the request log. A secret with less than
`LEARNING_DAYS` of use has no past yet. Of each kind, a key is reported once a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_epoch_seconds, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import NotFoundError
from craftkit.keys import repository, service
from craftkit.keys.models import Key
from craftkit.projects import service as projects
from craftkit.projects.models import AnomalyPolicy
from craftkit.requests import service as requests

LEARNING_DAYS = 7
COMPARED_DAYS = 30
DORMANT_AFTER = timedelta(days=30)
SPEND_FACTOR = 5
SPEND_FROM = 100
"""Renders of a day below which no spend is reported."""

REFUSED_FROM = 20
REFUSED_WITHIN = timedelta(minutes=10)

ACTOR = "key-watch"
_REMEMBERED_FOR = timedelta(days=40)

_ANSWERS: dict[AnomalyPolicy, str] = {
    "alert": "none",
    "suspend": "suspended",
    "revoke": "revoked",
}

Kind = Literal["new_network", "dormant_key_used", "many_refusals", "high_spend"]


@dataclass(frozen=True)
class Day:
    """The use of one secret on one day (UTC)."""

    day: date
    requests: int
    renders: int
    networks: frozenset[str] = frozenset()

    @classmethod
    def of(cls, item: Item) -> "Day":
        return cls(
            date.fromisoformat(str(item["secret_day"]).rpartition("#")[2]),
            int(item["requests"]),
            int(item["renders"]),
            frozenset(item.get("networks", ())),
        )


@dataclass(frozen=True)
class Anomaly:
    kind: Kind
    day: date
    details: dict[str, str] = field(default_factory=dict)


def anomalies_of(today: Day, earlier: Sequence[Day]) -> list[Anomaly]:
    """What does not fit in a day, compared with the days of use before it, newest first."""
    if not earlier:
        return []
    found = []
    if (gap := today.day - earlier[0].day) >= DORMANT_AFTER:
        found.append(Anomaly("dormant_key_used", today.day, {"unusedDays": str(gap.days)}))
    if len(earlier) < LEARNING_DAYS:
        return found
    learned = [each for each in earlier if each.networks]
    new = today.networks - frozenset().union(*(each.networks for each in learned))
    if len(learned) >= LEARNING_DAYS and new:
        found.append(Anomaly("new_network", today.day, {"networks": ", ".join(sorted(new))}))
    most = max(each.renders for each in earlier)
    if today.renders >= max(SPEND_FROM, SPEND_FACTOR * most):
        details = {"renders": str(today.renders), "mostBefore": str(most)}
        found.append(Anomaly("high_spend", today.day, details))
    return found


def check_day(item: Item) -> None:
    """Check a day's item of the activity table, as it is after an update."""
    prefix, _, day = str(item["secret_day"]).rpartition("#")
    before = f"{prefix}#{date.fromisoformat(day) - timedelta(days=1)}"
    days = dynamodb.table(config.key_activity_table).query(
        KeyConditionExpression=KeyCondition("key_id").eq(item["key_id"])
        & KeyCondition("secret_day").between(f"{prefix}#0", before),
        ScanIndexForward=False,
        Limit=COMPARED_DAYS,
    )["Items"]
    for anomaly in anomalies_of(Day.of(item), [Day.of(each) for each in days]):
        _report(str(item["key_id"]), anomaly)


def check_refusals(row: Item) -> None:
    """Check the requests of the key before a refused one, as the request log has it."""
    at = from_rfc3339(str(row["at_request"]).partition("#")[0])
    count = requests.count_refused(
        str(row["log_id"]), since=at - REFUSED_WITHIN, until=at + timedelta(milliseconds=1)
    )
    if count >= REFUSED_FROM:
        details = {"refusals": str(count), "minutes": f"{REFUSED_WITHIN.seconds // 60}"}
        _report(str(row["key_id"]), Anomaly("many_refusals", at.date(), details))


def _report(key_id: str, anomaly: Anomaly) -> None:
    """Send the event once; first suspend or revoke the key if the project's policy says so."""
    key = repository.get(key_id)
    now = utc_now()
    if key is None or key.kind == "token" or _is_reported(key, anomaly):
        return
    policy = _policy_of(key) if key.status(now) == "active" else "alert"
    if policy != "alert":
        service.revoke_key(
            key.id,
            by=ACTOR,
            reason=f"Anomalous use: {anomaly.kind}.",
            is_suspension=policy == "suspend",
        )
    entry = audit.entry(
        key.project_id,
        actor=ACTOR,
        action="key.anomalous",
        target=key.id,
        now=now,
        kind=anomaly.kind,
        prefix=key.prefix,
        answer=_ANSWERS[policy],
        **anomaly.details,
    )
    marker: dict[str, Any] = {
        "TableName": config.key_activity_table,
        "Item": {
            **_marker_key(key, anomaly),
            "expires_at": to_epoch_seconds(now + _REMEMBERED_FOR),
        },
        "ConditionExpression": "attribute_not_exists(key_id)",
    }
    try:
        dynamodb.transact([{"Put": marker}, entry])
    except ConditionFailedError:  # another update of the same day was faster
        return


def _is_reported(key: Key, anomaly: Anomaly) -> bool:
    table = dynamodb.table(config.key_activity_table)
    return "Item" in table.get_item(Key=_marker_key(key, anomaly), ConsistentRead=True)


def _marker_key(key: Key, anomaly: Anomaly) -> dict[str, str]:
    return {"key_id": f"anomaly#{key.id}", "secret_day": f"{anomaly.kind}#{anomaly.day}"}


def _policy_of(key: Key) -> AnomalyPolicy:
    try:
        return projects.get_project(key.project_id).anomaly_policy
    except NotFoundError:
        return "alert"
