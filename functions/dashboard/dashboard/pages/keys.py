"""API keys: listed, created, shown once, rotated, revoked, and diagnosed."""

from datetime import timedelta
from typing import Any

from craftkit.auth.principal import DEFAULT_SCOPES, SCOPES
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
from craftkit.keys.models import Key, NewKey
from craftkit.projects import members
from craftkit.schema import validate_request
from craftkit.templates import service as templates
from dashboard import flash, limits, samples
from dashboard.charts import last_days
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import Answer

_PAGE_LIMIT = 25
_GRACES = {"24": "24 hours", "168": "7 days", "720": "30 days", "0": "none: at its first use"}
_LIFETIMES = {"": None, "7": 7, "30": 30, "90": 90, "365": 365}


@route("GET", "/projects/{project}/keys")
def list_keys(visit: Visit) -> Answer:
    page, following = views.list_keys(visit.project.id, limit=_PAGE_LIMIT, cursor=visit.cursor)
    return visit.page(
        "keys/list.html",
        keys=page,
        week=last_days(views.LISTED_DAYS),
        cursor=following,
        names=names_of(visit),
    )


@route("GET", "/projects/{project}/keys/new", needs="admin")
def new_key(visit: Visit) -> Answer:
    return visit.page("keys/new.html", **_choices(visit))


@route("POST", "/projects/{project}/keys", needs="admin")
def create_key(visit: Visit) -> Answer:
    """Make a key; the page that follows shows it, once. A form that is sent twice makes one."""
    once = visit.form("once")
    key_id = once if is_id(once) else new_id()
    try:
        wish = _read_wish(visit)
        minted = keys.create_key(visit.project.id, wish, by=visit.person.sub, key_id=key_id)
    except ConflictError:
        return visit.go(visit.url(f"/keys/{key_id}/created"))
    except InvalidRequestError as error:
        return visit.refused("keys/new.html", error, **_choices(visit))
    return visit.done(f"/keys/{minted.key.id}/created", key=minted.cleartext)


@route("GET", "/projects/{project}/keys/{key}/created", needs="admin")
def show_once(visit: Visit) -> Answer:
    """The cleartext, as the page before handed it over; nobody keeps it."""
    key = _key(visit)
    cleartext = flash.found(visit.request).get("key")
    if cleartext is None:
        return visit.go(visit.url(f"/keys/{key.id}"))
    return visit.page("keys/created.html", key=key, samples=_samples(visit.project.id, cleartext))


@route("GET", "/projects/{project}/keys/{key}")
def show_key(visit: Visit) -> Answer:
    key = views.show_key(_key(visit).id)
    undo_until = key.revoked_at + UNDO_WITHIN if key.revoked_at else None
    is_exposed = any(each.exposed_at and each.state != "ended" for each in key.secrets)
    return visit.page(
        "keys/show.html",
        key=key,
        month=last_days(views.SHOWN_DAYS),
        may_undo=undo_until is not None and utc_now() < undo_until and not is_exposed,
        undo_until=undo_until,
        graces=_GRACES,
        names=names_of(visit),
    )


@route("POST", "/projects/{project}/keys/{key}/rotate", needs="admin")
def rotate_key(visit: Visit) -> Answer:
    """A new secret for the key; the page that follows shows it, once."""
    hours = visit.form("grace")
    if hours not in _GRACES:
        raise InvalidRequestError("Choose how long the old secret goes on.")
    minted = keys.rotate_key(
        _key(visit).id,
        by=visit.person.sub,
        grace=timedelta(hours=int(hours)),
        replace=visit.form("replace") == "yes",
    )
    return visit.done(f"/keys/{minted.key.id}/created", key=minted.cleartext)


@route("POST", "/projects/{project}/keys/{key}/end-rotation", needs="admin")
def end_rotation(visit: Visit) -> Answer:
    key = keys.end_rotation(_key(visit).id, by=visit.person.sub)
    return visit.done(f"/keys/{key.id}", "The previous secret is ended.")


@route("POST", "/projects/{project}/keys/{key}/restore", needs="admin")
def undo_revocation(visit: Visit) -> Answer:
    key = keys.undo_revocation(_key(visit).id, by=visit.person.sub)
    return visit.done(f"/keys/{key.id}", f"{key.name} works again.")


@route("POST", "/projects/{project}/keys/{key}/limits", needs="admin")
def limit_key(visit: Visit) -> Answer:
    key_id = _key(visit).id
    limiting.limit_key(key_id, limits.read(visit), by=visit.person.sub)
    return visit.done(f"/keys/{key_id}", "The limits hold from the next request on.")


@route("POST", "/projects/{project}/keys/{key}/revoke", needs="admin")
def revoke_key(visit: Visit) -> Answer:
    key = keys.revoke_key(
        _key(visit).id, by=visit.person.sub, reason=visit.form("reason")[:200] or None
    )
    said = (
        f"{key.name} is revoked: the next request with it is refused. You can undo it for an hour."
    )
    return visit.done(f"/keys/{key.id}", said)


@route("POST", "/projects/{project}/keys/diagnose", needs="admin")
def diagnose(visit: Visit) -> Answer:
    """Why a pasted key fails. It goes to the lookup and nowhere else."""
    diagnosis = keys.diagnose(visit.form("key"))
    elsewhere = diagnosis.project_id not in (None, visit.project.id)
    return visit.fragment("keys/diagnosis.html", diagnosis=diagnosis, elsewhere=elsewhere)


def names_of(visit: Visit) -> dict[str, str]:
    """The addresses of this project's people by their ids, for `created by` and the like."""
    return {member.sub: member.email for member in members.list_members(visit.project.id)}


def _key(visit: Visit) -> Key:
    key = keys.get_key(visit.path("key"))
    if key.project_id != visit.project.id:
        raise NotFoundError("There is no key of this id.")
    return key


def _read_wish(visit: Visit) -> NewKey:
    days = _LIFETIMES.get(visit.form("days"))
    return validate_request(
        NewKey,
        {
            "name": visit.form("name"),
            "mode": visit.form("mode"),
            "scopes": visit.request.all("scopes"),
            "templates": visit.request.all("templates"),
            "expires_at": utc_now() + timedelta(days=days) if days else None,
        },
    )


def _choices(visit: Visit) -> dict[str, Any]:
    slugs = [each.slug for each in templates.list_templates(visit.project.id, limit=100).templates]
    return {
        "scopes": SCOPES,
        "slugs": slugs,
        "lifetimes": _LIFETIMES,
        "form": visit.request.form,
        "once": new_id(),
        "chosen": visit.request.all("scopes") or DEFAULT_SCOPES,
        "chosen_slugs": visit.request.all("templates"),
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
