"""API keys: list, create, show once, rotate, revoke and diagnose."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

from craftkit.auth.principal import DEFAULT_SCOPES, SCOPES, Mode
from craftkit.clock import utc_now
from craftkit.errors import (
    ConflictError,
    InvalidRequestError,
    NoPublishedVersionError,
    NotFoundError,
)
from craftkit.ids import is_id, new_id
from craftkit.keys import limiting, views
from craftkit.keys import service as keys
from craftkit.keys.lifecycle import UNDO_WITHIN
from craftkit.keys.models import Key, NewKey, Status
from craftkit.keys.views import KeyView
from craftkit.projects import members
from craftkit.schema import validate_request
from craftkit.templates import service as templates
from dashboard import flash, limits, samples
from dashboard.charts import last_days
from dashboard.listing import Listing, ListSearch, show
from dashboard.request_context import RequestContext
from dashboard.web import Response

_GRACES = {"24": "24 hours", "168": "7 days", "720": "30 days", "0": "none: at its first use"}
_NETWORKS_LENGTH = 1000
_LIFETIMES = {"": None, "7": 7, "30": 30, "90": 90, "365": 365}


_LIST: Listing[KeyView] = Listing(
    path="/keys",
    name="key",
    names="keys",
    columns={
        "id": lambda key: key.id,
        "name": lambda key: key.name,
        "prefix": lambda key: key.prefix,
        "mode": lambda key: key.mode,
        "status": lambda key: key.status,
        "scopes": lambda key: key.scopes,
        "templates": lambda key: key.templates,
        "networks": lambda key: key.networks,
        "created": lambda key: key.created_at,
        "expires": lambda key: key.expires_at,
        "revoked": lambda key: key.revoked_at,
        "last used": lambda key: key.last_used_at,
        "requests in 7 days": lambda key: key.requests,
        "renders in 7 days": lambda key: key.renders,
    },
    searched="Name, start of the key, scope or id",
    state=lambda key: f"{key.name} {key.status} {key.is_rotating} {key.requests}",
)


class Search(ListSearch):
    """The query string of the list."""

    status: Status | None = None
    mode: Mode | None = None


def list_keys(context: RequestContext) -> Response:
    search = context.query(Search)
    wanted = views.KeyFilter(search.q, search.status or "", search.mode or "")

    def extra(_rows: Sequence[KeyView]) -> dict[str, Any]:
        week, statuses = last_days(views.LISTED_DAYS), get_args(Status)
        return {"week": week, "names": names_of(context), "statuses": statuses}

    return show(
        context,
        "keys/list.html",
        _LIST,
        search,
        lambda place, limit: views.find_keys(context.project.id, wanted, place, limit=limit),
        extra,
    )


def new_key(context: RequestContext) -> Response:
    return context.page("keys/new.html", **_choices(context))


def create_key(context: RequestContext) -> Response:
    """Create a key; the next page shows it once. Submitting the form twice creates one key."""
    once = context.form("once")
    key_id = once if is_id(once) else new_id()
    try:
        request = _read_request(context)
        minted = keys.create_key(context.project.id, request, by=context.user.sub, key_id=key_id)
    except ConflictError:
        return context.go(context.url(f"/keys/{key_id}/created"))
    except InvalidRequestError as error:
        return context.refused("keys/new.html", error, **_choices(context))
    return context.done(f"/keys/{minted.key.id}/created", key=minted.cleartext)


def show_once(context: RequestContext) -> Response:
    """The cleartext key from the flash cookie. It is not stored."""
    key = _key(context)
    cleartext = flash.load(context.request).get("key")
    if cleartext is None:
        return context.go(context.url(f"/keys/{key.id}"))
    return context.page(
        "keys/created.html", key=key, samples=_samples(context.project.id, cleartext)
    )


def show_key(context: RequestContext) -> Response:
    key = views.show_key(_key(context).id)
    undo_until = key.revoked_at + UNDO_WITHIN if key.revoked_at else None
    is_exposed = any(each.exposed_at and each.state != "ended" for each in key.secrets)
    return context.page(
        "keys/show.html",
        key=key,
        month=last_days(views.SHOWN_DAYS),
        may_undo=undo_until is not None
        and (key.is_suspended or utc_now() < undo_until)
        and not is_exposed,
        undo_until=undo_until,
        graces=_GRACES,
        names=names_of(context),
    )


def rotate_key(context: RequestContext) -> Response:
    """Create a new secret of the key; the next page shows it once."""
    hours = context.form("grace")
    if hours not in _GRACES:
        raise InvalidRequestError("Choose how long the old secret stays valid.")
    minted = keys.rotate_key(
        _key(context).id,
        by=context.user.sub,
        grace=timedelta(hours=int(hours)),
        replace=context.form("replace") == "yes",
    )
    return context.done(f"/keys/{minted.key.id}/created", key=minted.cleartext)


def end_rotation(context: RequestContext) -> Response:
    key = keys.end_rotation(_key(context).id, by=context.user.sub)
    return context.done(f"/keys/{key.id}", "The previous secret no longer works.")


def undo_revocation(context: RequestContext) -> Response:
    key = keys.undo_revocation(_key(context).id, by=context.user.sub)
    return context.done(f"/keys/{key.id}", f"{key.name} works again.")


def rename_key(context: RequestContext) -> Response:
    key = keys.rename_key(_key(context).id, context.form("name"), by=context.user.sub)
    return context.done(f"/keys/{key.id}", f"The key is called {key.name} now.")


def limit_key(context: RequestContext) -> Response:
    key_id = _key(context).id
    limiting.limit_key(key_id, limits.read(context), by=context.user.sub)
    return context.done(f"/keys/{key_id}", "The limits apply from the next request on.")


def revoke_key(context: RequestContext) -> Response:
    key = keys.revoke_key(
        _key(context).id, by=context.user.sub, reason=context.form("reason")[:200] or None
    )
    message = (
        f"{key.name} is revoked: the next request with it is refused. You can undo it for an hour."
    )
    return context.done(f"/keys/{key.id}", message)


def diagnose(context: RequestContext) -> Response:
    """Why a pasted key fails. The key is only looked up: it is neither stored nor logged."""
    diagnosis = keys.diagnose(context.form("key"))
    elsewhere = diagnosis.project_id not in (None, context.project.id)
    return context.fragment("keys/diagnosis.html", diagnosis=diagnosis, elsewhere=elsewhere)


def names_of(context: RequestContext) -> dict[str, str]:
    """The email addresses of the project's members by user id."""
    return {member.sub: member.email for member in members.list_members(context.project.id)}


def _key(context: RequestContext) -> Key:
    key = keys.get_key(context.path("key"))
    if key.project_id != context.project.id:
        raise NotFoundError("There is no key of this id.")
    return key


def _read_request(context: RequestContext) -> NewKey:
    days = _LIFETIMES.get(context.form("days"))
    return validate_request(
        NewKey,
        {
            "name": context.form("name"),
            "mode": context.form("mode"),
            "scopes": context.request.all("scopes"),
            "templates": context.request.all("templates"),
            "networks": tuple(context.form("networks").replace(",", " ").split()),
            "expires_at": utc_now() + timedelta(days=days) if days else None,
        },
    )


def _choices(context: RequestContext) -> dict[str, Any]:
    slugs = [
        each.slug for each in templates.list_templates(context.project.id, limit=100).templates
    ]
    longest = context.project.key_policy.longest_life_days
    return {
        "scopes": SCOPES,
        "slugs": slugs,
        "longest": longest,
        "lifetimes": {
            name: days
            for name, days in _LIFETIMES.items()
            if not (longest and days and days > longest)
        },
        "form": context.request.form,
        "once": new_id(),
        "chosen": context.request.all("scopes") or DEFAULT_SCOPES,
        "chosen_slugs": context.request.all("templates"),
        "proposed": context.request.query.get("networks", "")[:_NETWORKS_LENGTH],
        "error": None,
    }


def _samples(project_id: str, cleartext: str) -> samples.Samples:
    for template in templates.list_templates(project_id, limit=5).templates:
        try:
            version = templates.current_version(project_id, template.slug)
        except NoPublishedVersionError:
            continue
        return samples.render(version, cleartext)
    return samples.list_renders(cleartext)
