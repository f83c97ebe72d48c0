"""Handles reports of keys that were found in public, such as in a repository."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.verify import Verdict, verify_key
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.errors import NotFoundError
from craftkit.keys import lifecycle, repository, service
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Exposure, Key
from craftkit.projects import service as projects
from craftkit.projects.models import ExposurePolicy

Finding = Literal["handled", "ended", "unknown", "foreign"]
"""`handled`: the key exists; an event was sent, and the secret ended or the key was revoked if the
project's policy says so. `ended`: the secret was rotated out or has expired, or its key is no
longer stored. `unknown`: no such key. `foreign`: another stage created the key."""

_URL_LIMIT = 500


def report_exposed(reports: Sequence[Exposure], *, by: str) -> list[Finding]:
    """End each reported secret, or only send an event, by its project's exposure policy.

    A repeated report changes nothing. A report of a revoked key is recorded, so that the
    revocation cannot be undone while the reported secret would work again.

    Returns:
        A finding for each report, in their order.
    """
    keys = [api_key.find_in(report.token) or "" for report in reports]
    own = {key for key in keys if api_key.stage_of(key) == config.stage}
    records = repository.find_records([api_key.hash_of(key) for key in own])
    policies: dict[str, str] = {}
    return [
        _handle(report, key, records, policies, by)
        for report, key in zip(reports, keys, strict=True)
    ]


def _handle(
    report: Exposure,
    key: str,
    records: Mapping[str, KeyRecord],
    policies: dict[str, str],
    by: str,
) -> Finding:
    verification = verify_key(key, stage=config.stage, lookup=records.get, now=utc_now())
    record = verification.record
    if verification.verdict is Verdict.WRONG_ENVIRONMENT:
        return "foreign"
    if record is None:
        return "unknown"
    if verification.verdict is Verdict.EXPIRED:
        return "ended"
    project_id = record.principal.project_id
    try:
        if project_id not in policies:
            policies[project_id] = _policy_of(project_id)
        step = partial(_step, prefix=record.prefix, report=report, policy=policies[project_id])
        service.change_key(record.principal.key_id, step, by=by)
    except NotFoundError:  # the key's own item has expired, which its secret's has not yet
        return "ended"
    return "handled"


def _policy_of(project_id: str) -> ExposurePolicy:
    """The project's policy; a key of a deleted project is always revoked."""
    try:
        return projects.get_project(project_id).exposure_policy
    except NotFoundError:
        return "revoke"


def _step(key: Key, *, prefix: str, report: Exposure, policy: str) -> Step | None:
    return lifecycle.expose(
        key,
        prefix,
        api_key.without_keys(report.url)[:_URL_LIMIT],
        api_key.without_keys(report.source),
        utc_now(),
        is_revoked=policy == "revoke",
    )
