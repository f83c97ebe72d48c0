"""Charges calls to limits, and sends warnings when a budget runs low."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.auth.principal import LIMITED, Principal
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import QueueUnavailableError
from craftkit.limits import repository
from craftkit.limits.models import LimitsState
from craftkit.limits.rates import ProjectRate, charge_rate
from craftkit.observability import count, logger

LIMIT_WARNING = "limit.warning"
_BURST_SECONDS = 2
"""The burst of a default rate: the requests of this many seconds."""
_LEASES_A_SECOND = 10
"""One write takes the tokens of this part of a second, so that not every request is a write."""


@dataclass(frozen=True)
class Charge:
    """What one call was charged to its key's and its project's limits."""

    renders: int
    taken: tuple[tuple[str, Item], ...] = ()

    @contextmanager
    def commit_on_success(self) -> Iterator[None]:
        """Refund the charge if the block fails in a way that stored nothing."""
        try:
            yield
        except (ConditionFailedError, QueueUnavailableError):
            self.refund()
            raise

    def refund(self) -> None:
        """Undo the charge of the renders, because they were not stored. The rate stays charged.

        If this fails, a budget allows fewer renders; no budget is exceeded.
        """
        if not self.renders:
            return
        for subject, item in self.taken:
            try:
                repository.refund(subject, item, self.renders)
            except Exception:
                logger.exception("charge not refunded", extra={"subject": subject})


def charge(principal: Principal, *, renders: int) -> Charge:
    """Charge one write request to its key's and its project's limits, right before it writes.

    A project without a rate is charged to the stage's default rate.

    Args:
        renders: how many renders the call makes; 0 for another call, such as an embed session.
            All of them are charged, or none.

    Raises:
        RateLimitedError, QuotaExceededError: a limit is used up; nothing was charged.
    """
    taken: list[tuple[str, Item]] = []
    for kind in LIMITED:
        if kind not in principal.limited:
            continue
        subject = subject_of(kind, principal.key_id if kind == "key" else principal.project_id)
        try:
            item = repository.charge(subject, renders=renders, kind=kind)
        except Exception:
            Charge(renders, tuple(taken)).refund()
            raise
        if item is not None:
            taken.append((subject, item))
            if renders:
                _warn(subject, item, utc_now())
    if not any(subject.startswith("project#") and "interval_us" in item for subject, item in taken):
        try:
            charge_rate(default_write_rate(), principal.project_id)
        except Exception:
            Charge(renders, tuple(taken)).refund()
            raise
    return Charge(renders, tuple(taken))


def charge_read(principal: Principal) -> None:
    """Charge one read request to its project's rate.

    Raises:
        RateLimitedError: the project has used its rate.
    """
    charge_rate(default_read_rate(), principal.project_id)


def default_write_rate() -> ProjectRate:
    """The stage's default rate of write requests, for a project without a rate."""
    return _default_rate("write", config.project_writes_per_second)


def default_read_rate() -> ProjectRate:
    """The stage's rate of read requests for each project."""
    return _default_rate("read", config.project_reads_per_second)


def _default_rate(kind: str, per_second: int) -> ProjectRate:
    return ProjectRate(
        kind,
        f"{kind} requests",
        per_second,
        burst=per_second * _BURST_SECONDS,
        lease=max(1, per_second // _LEASES_A_SECOND),
    )


def limits_of(kind: str, id_: str) -> LimitsState | None:
    """The limits of a `key` or a `project` with their use; None if it has none."""
    return repository.get(subject_of(kind, id_), utc_now())


def send_warning(warning: Item) -> bool:
    """Write the audit entry of a warning. False if it was written before."""
    kind, _, id_ = str(warning["warned_subject"]).partition("#")
    entry = audit.entry(
        warning["project_id"],
        actor="craftkit",
        action=LIMIT_WARNING,
        target=id_,
        now=utc_now(),
        of=kind,
        period=str(warning["period"]),
        used=str(warning["used"]),
        limit=str(warning["limit"]),
    )
    try:
        dynamodb.transact([repository.mark_sent(warning), entry])
    except ConditionFailedError:
        return False
    count("LimitWarning", of=kind, period=str(warning["period"]))
    return True


def subject_of(kind: str, id_: str) -> str:
    return f"{kind}#{id_}"


def _warn(subject: str, item: Item, now: datetime) -> None:
    """Write a warning. A failure does not fail the render; the next charge tries again."""
    try:
        repository.warn(subject, item, now)
    except Exception:
        logger.exception("limit warning not written", extra={"subject": subject})
