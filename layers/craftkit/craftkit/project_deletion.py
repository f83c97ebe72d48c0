"""Deletes a project: first its keys and other access, then its content, then the project.

The deletion begins with a mark on the project: new keys and trust rules are written on the
condition that it is not there. Each step is idempotent. The project's own item is deleted last, so
that an owner can start the deletion again after a failed step. The report says how many things of
each kind were erased, and `REMAINS` what stays and why.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta

from craftkit import project_contents
from craftkit.batches.erasure import erase_batches
from craftkit.clock import utc_now
from craftkit.embed.partners import service as partners
from craftkit.embed.sessions import repository as sessions
from craftkit.hooks import service as hooks
from craftkit.keys import service as keys
from craftkit.keys.models import Key
from craftkit.projects import members, repository
from craftkit.projects import service as projects
from craftkit.templates import fonts, letterheads
from craftkit.templates import service as templates
from craftkit.trust import service as trust
from craftkit.webhooks import deliveries
from craftkit.webhooks import service as webhooks

REMAINS = {
    "audit": "Who changed what, and when, without content. Kept for accountability.",
    "usage": "Numbers of renders and pages by day, mode, key and template. Kept for billing.",
    "keys": "Revoked keys with their names, no secrets. The audit refers to them.",
    "hooks": "Switched-off hooks with their template. The audit refers to them.",
    "thumbnails": "Small images of templates, for at most 90 days.",
    "renders": "Rows without content, until the retention ends. Usage is counted again from them.",
    "chunks": "Counts of batches by chunk, without content, until the retention ends. Usage is "
    "counted again from them.",
    "backups": "Rows of the last 35 days as they were. The data of renders in them is encrypted "
    "with keys that were erased.",
}
"""What stays of a deleted project, by kind, and why."""

RENDERS_PATIENCE = timedelta(seconds=15)
"""How long one request of the dashboard erases renders; the command goes on to the end."""


@dataclass(frozen=True)
class DeletionReport:
    """How many things of each kind ended or were deleted."""

    keys_revoked: int
    trust_rules_ended: int
    hooks_switched_off: int
    signing_keys_revoked: int
    endpoints_deleted: int
    templates_deleted: int
    fonts_deleted: int
    letterheads_deleted: int
    members_removed: int
    renders_erased: int
    batches_erased: int
    deliveries_deleted: int
    embed_sessions_deleted: int
    catalogs_deleted: int

    def sentence(self) -> str:
        """The report as text, without zeros: `3 keys revoked, 1 member removed`."""
        parts = []
        for name, count in asdict(self).items():
            if count:
                thing, _, done = name.rpartition("_")
                thing, done = (
                    ("hooks", "switched off") if thing == "hooks_switched" else (thing, done)
                )
                words = thing.replace("_", " ")
                parts.append(f"{count} {words if count > 1 else _singular(words)} {done}")
        return ", ".join(parts)


def _singular(words: str) -> str:
    return "batch" if words == "batches" else words.removesuffix("s")


def delete_project(
    project_id: str, *, by: str, patience: timedelta | None = None
) -> DeletionReport:
    """Delete a project, and erase what it owns.

    Args:
        patience: how long renders are erased in this call; without it, to the end.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: a template was published, or the project changed, during the deletion; or
            renders are left. Calling it again goes on.
    """
    project = projects.get_project(project_id)
    now = utc_now()
    began_at = repository.begin_deletion(project_id, now)
    revoked = _revoke_keys(project_id, by=by)
    rules = [rule for rule in trust.list_rules(project_id) if rule.ended_at is None]
    for rule in rules:
        trust.end_rule(rule.id, by=by)
    open_hooks = [hook for hook in hooks.list_hooks(project_id) if hook.is_on]
    for hook in open_hooks:
        hooks.switch_hook(project_id, hook.id, on=False, by=by)
    signing = [key for key in partners.list_signing_keys(project_id) if key.revoked_at is None]
    for each in signing:
        partners.revoke_signing_key(project_id, each.publishable_key, by=by)
    if partners.get_partner(project_id).status == "enabled":
        partners.disable(project_id, by=by)
    until = now + patience if patience else None
    erased = project_contents.erase_renders(project_id, since=began_at, until=until)
    endpoints = webhooks.list_endpoints(project_id)
    sent = 0
    for endpoint in endpoints:
        sent += deliveries.delete_all(endpoint.id)
        webhooks.delete_endpoint(project_id, endpoint.id, by=by)
    slugs = _every_slug(project_id)
    for slug in slugs:
        templates.delete_template(project_id, slug, by=by)
    files = fonts.list_fonts(project_id)
    for font in files:
        fonts.remove_font(project_id, font.name)
    # The index that lists keys may lack one that was created just before the mark.
    revoked += _revoke_keys(project_id, by=by)
    everyone = members.list_members(project_id)
    report = DeletionReport(
        keys_revoked=revoked,
        trust_rules_ended=len(rules),
        hooks_switched_off=len(open_hooks),
        signing_keys_revoked=len(signing),
        endpoints_deleted=len(endpoints),
        templates_deleted=len(slugs),
        fonts_deleted=len(files),
        letterheads_deleted=letterheads.erase_letterheads(project_id),
        members_removed=len(everyone),
        renders_erased=erased,
        batches_erased=erase_batches(project_id),
        deliveries_deleted=sent,
        embed_sessions_deleted=sessions.delete_all(project_id),
        catalogs_deleted=project_contents.delete_catalogs(project_id),
    )
    repository.delete(project, everyone, by=by, now=now, report=report.sentence())
    return report


def _revoke_keys(project_id: str, *, by: str) -> int:
    """How many keys were active, and are revoked now."""
    now = utc_now()
    active = [key for key in _every_key(project_id) if key.status(now) == "active"]
    for key in active:
        keys.revoke_key(key.id, by=by, reason="The project is deleted.")
    return len(active)


def _every_key(project_id: str) -> list[Key]:
    found, cursor = keys.list_keys(project_id)
    while cursor:
        more, cursor = keys.list_keys(project_id, cursor=cursor)
        found += more
    return found


def _every_slug(project_id: str) -> list[str]:
    page = templates.list_templates(project_id, limit=100)
    slugs = [template.slug for template in page.templates]
    while page.next_cursor:
        page = templates.list_templates(project_id, limit=100, cursor=page.next_cursor)
        slugs += [template.slug for template in page.templates]
    return slugs
