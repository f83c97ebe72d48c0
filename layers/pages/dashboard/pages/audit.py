"""The audit log of a project: who did what to which thing, by name."""

from collections.abc import Sequence
from typing import Any

from craftkit.audit import service as audit
from craftkit.audit.models import Entry
from craftkit.audit.service import EntryFilter
from craftkit.hooks import service as hooks
from craftkit.ids import is_id
from craftkit.keys import service as keys
from craftkit.webhooks import service as webhooks
from dashboard.listing import Listing, ListSearch, Text, show
from dashboard.pages.keys import names_of
from dashboard.request_context import RequestContext
from dashboard.web import Response

_ACTIONS = (
    "embed.catalog.published", "embed.session.created", "embed.session.revoked",
    "endpoint.changed", "endpoint.created", "endpoint.deleted", "endpoint.disabled",
    "endpoint.rotated", "hook.created", "hook.rotated", "key.anomalous", "key.created",
    "key.exposed", "key.renamed", "key.restored", "key.revoked", "key.rotated", "limits.set",
    "member.invited", "member.joined", "member.removed", "member.role_changed",
    "project.renamed", "template.deleted", "template.published", "trust.created", "trust.ended",
)  # fmt: skip
"""Proposals of the filter; any other action can be entered."""

_NEWEST_KEYS = 100

_LIST: Listing[Entry] = Listing(
    path="/audit",
    name="entry",
    names="entries",
    columns={
        "time": lambda entry: entry.at,
        "action": lambda entry: entry.action,
        "actor": lambda entry: entry.actor,
        "target": lambda entry: entry.target,
        "details": lambda entry: entry.details,
        "id": lambda entry: entry.id,
    },
    searched="Person, key, id or detail",
    state=lambda entry: entry.id,
)


class Search(ListSearch):
    """The query string of the list."""

    action: Text = ""
    actor: Text = ""
    target: Text = ""


def list_entries(context: RequestContext) -> Response:
    search, project_id = context.query(Search), context.project.id
    names = _names(context)
    named = dict(names)
    if search.q and not is_id(search.q):
        newest, _ = keys.list_keys(project_id, limit=_NEWEST_KEYS)
        named |= {key.id: key.name for key in newest}
    wanted = EntryFilter(
        text=search.q,
        action=search.action,
        actor=next((id_ for id_, name in names.items() if name == search.actor), search.actor),
        target=search.target,
        named=frozenset(
            id_ for id_, name in named.items() if search.q.casefold() in name.casefold()
        ),
    )

    def extra(rows: Sequence[Entry]) -> dict[str, Any]:
        ids = {id_ for row in rows for id_ in (row.actor, row.target) if is_id(id_)} - set(names)
        return {
            "names": names | keys.names_of(project_id, ids),
            "members": sorted(names_of(context).values()),
            "actions": _ACTIONS,
        }

    return show(
        context,
        "audit/list.html",
        _LIST,
        search,
        lambda place, limit: audit.find_entries(project_id, wanted, place, limit=limit),
        extra,
    )


def _names(context: RequestContext) -> dict[str, str]:
    """Members, webhook endpoints, hooks and the project by id."""
    project_id = context.project.id
    return {
        **{each.id: each.url for each in webhooks.list_endpoints(project_id)},
        **{each.id: f"hook of {each.slug}" for each in hooks.list_hooks(project_id)},
        **names_of(context),
        project_id: context.project.name,
    }
