"""Keys that somebody found in the open: in a public repository, in a package, in a chat."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.verify import Verdict, verify_key
from craftkit.clock import Clock, utc_now
from craftkit.config import config
from craftkit.keys import lifecycle, repository, service
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Exposure, Key
from craftkit.projects import service as projects

Finding = Literal["handled", "ended", "unknown", "foreign"]
"""`handled`: on record, and told of or revoked. `ended`: the secret was rotated out or has expired,
and opens nothing. `foreign`: minted in another stage, which alone can say more of it."""

_URL_LIMIT = 500


def report_exposed(
    reports: Sequence[Exposure], *, by: str, clock: Clock = utc_now
) -> list[Finding]:
    """Revoke each key, or tell of it, as its project chose. What is known changes nothing.

    Whether a key was revoked before does not matter: a revocation of an exposed key stands.

    Returns:
        What became of each report, in their order.
    """
    keys = [api_key.find_in(report.token) or "" for report in reports]
    own = {key for key in keys if api_key.stage_of(key) == config.stage}
    records = repository.find_records([api_key.hash_of(key) for key in own])
    policies: dict[str, str] = {}
    return [
        _handle(report, key, records, policies, by, clock)
        for report, key in zip(reports, keys, strict=True)
    ]


def _handle(
    report: Exposure,
    key: str,
    records: Mapping[str, KeyRecord],
    policies: dict[str, str],
    by: str,
    clock: Clock,
) -> Finding:
    verification = verify_key(key, stage=config.stage, lookup=records.get, now=clock())
    record = verification.record
    if verification.verdict is Verdict.WRONG_ENVIRONMENT:
        return "foreign"
    if record is None:
        return "unknown"
    if verification.verdict is Verdict.EXPIRED:
        return "ended"
    project_id = record.principal.project_id
    if project_id not in policies:
        policies[project_id] = projects.get_project(project_id).exposure_policy
    step = partial(_step, report=report, policy=policies[project_id], clock=clock)
    service.change_key(record.principal.key_id, step, by=by, clock=clock)
    return "handled"


def _step(key: Key, *, report: Exposure, policy: str, clock: Clock) -> Step | None:
    return lifecycle.expose(
        key,
        api_key.without_keys(report.url)[:_URL_LIMIT],
        api_key.without_keys(report.source),
        clock(),
        is_revoked=policy == "revoke",
    )
