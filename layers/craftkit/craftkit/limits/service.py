"""What is asked of limits before a call writes, and what is told when they run low."""

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
"""What a default rate allows at once: as many requests as in so many seconds."""


@dataclass(frozen=True)
class Charge:
    """What a call took of its key's and its project's limits."""

    renders: int
    taken: tuple[tuple[str, Item], ...] = ()

    @contextmanager
    def commit_on_success(self) -> Iterator[None]:
        """Give the charge back where what it was for is known not to have been kept."""
        try:
            yield
        except (ConditionFailedError, QueueUnavailableError):
            self.give_back()
            raise

    def give_back(self) -> None:
        """The render was not kept after all: its budgets have it again. The rate does not: the
        call was made. Should this fail, a budget is a render short; none is ever exceeded.
        """
        if not self.renders:
            return
        for subject, item in self.taken:
            try:
                repository.give_back(subject, item)
            except Exception:
                logger.exception("a charge was not given back", extra={"subject": subject})


def charge(principal: Principal, *, renders: int) -> Charge:
    """Charge one write request to its key's and its project's limits, right before it writes.

    A project without a rate of its own is charged to the stage's default rate.

    Args:
        renders: 1 for a call that makes a render, 0 for another, such as an embed session.

    Raises:
        RateLimitedError, QuotaExceededError: nothing was taken.
    """
    now = utc_now()
    taken: list[tuple[str, Item]] = []
    for of in LIMITED:
        if of not in principal.limited:
            continue
        subject = subject_of(of, principal.key_id if of == "key" else principal.project_id)
        try:
            item = repository.charge(subject, now, renders=renders, of=of)
        except Exception:
            Charge(renders, tuple(taken)).give_back()
            raise
        if item is not None:
            taken.append((subject, item))
            if renders:
                _warn(subject, item, now)
    if not any(subject.startswith("project#") and "interval_us" in item for subject, item in taken):
        try:
            charge_rate(default_write_rate(), principal.project_id, utc_now())
        except Exception:
            Charge(renders, tuple(taken)).give_back()
            raise
    return Charge(renders, tuple(taken))


def charge_read(principal: Principal) -> None:
    """Charge one read request to its project's rate.

    Raises:
        RateLimitedError: the project has used its rate.
    """
    charge_rate(default_read_rate(), principal.project_id, utc_now())


def default_write_rate() -> ProjectRate:
    """The stage's rate of write requests, for a project that has none of its own."""
    return _default_rate("write", config.project_writes_per_second)


def default_read_rate() -> ProjectRate:
    """The stage's rate of read requests for each project."""
    return _default_rate("read", config.project_reads_per_second)


def _default_rate(kind: str, per_second: int) -> ProjectRate:
    return ProjectRate(kind, f"{kind} requests", per_second, burst=per_second * _BURST_SECONDS)


def limits_of(of: str, id_: str) -> LimitsState | None:
    """The limits of a `key` or a `project`, with what is used of them; None where it has none."""
    return repository.get(subject_of(of, id_), utc_now())


def send_warning(warning: Item) -> bool:
    """Enter a warning of the limits table into the audit. False where it was told before."""
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


def subject_of(of: str, id_: str) -> str:
    return f"{of}#{id_}"


def _warn(subject: str, item: Item, now: datetime) -> None:
    """A warning that cannot be noted costs no render; the next charge notes it."""
    try:
        repository.warn(subject, item, now)
    except Exception:
        logger.exception("a warning was not noted", extra={"subject": subject})
