"""`craftkit embed …`"""

import argparse
from datetime import timedelta
from typing import Any, get_args

from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import CatalogRequest
from craftkit.embed.catalogs.views import CatalogsView, CatalogView, DifferenceView
from craftkit.embed.partners import service as partners
from craftkit.embed.partners.models import Partner, Permission, Preset
from craftkit.embed.sessions import service as embed_sessions
from craftkit.embed.sessions.models import EmbedSession
from craftkit.embed.tokens import signing
from craftkit.projects import service as projects
from craftkit.schema import validate_request
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, duration, group
from craftkit_cli.files import read_json_file

_STATES = {
    "enable": partners.enable,
    "disable": partners.disable,
    "suspend": partners.suspend,
    "resume": partners.resume,
}


def add_commands(root: Any) -> None:
    commands = group(root, "embed", "embed partners, sessions and catalogs")
    for name in _STATES:
        state = command(commands, name, _change_state, f"{name} embed for a project")
        state.set_defaults(state=name)
    command(commands, "show", _show, "show a project's embed settings")
    origins = command(
        commands, "origins", _set_origins, "replace the origins that may embed the page"
    )
    origins.add_argument("--origin", action="append", default=[], metavar="https://…")
    presets = command(commands, "presets", _set_preset, "set the permissions of a preset")
    presets.add_argument("--preset", required=True, choices=get_args(Preset))
    permissions = get_args(Permission)
    presets.add_argument("--permission", action="append", required=True, choices=permissions)
    _add_keys(group(commands, "keys", "key pairs that a partner signs tokens with"))
    _add_signing(group(commands, "signing", "the stage's signing key"))
    _add_sessions(group(commands, "sessions", "list and revoke sessions"))
    _add_catalogs(group(commands, "catalogs", "publish and read the data that templates may use"))


def _add_keys(keys: Any) -> None:
    what = "create a key pair; the private key is shown once"
    create = command(keys, "create", _create_key, what)
    create.add_argument("--mode", choices=["live", "test"], default="live")
    command(keys, "list", _list_keys, "list a project's key pairs")
    what = "revoke a key pair; its tokens are refused from the next request on"
    command(keys, "revoke", _revoke_key, what, "publishable_key")


def _add_signing(own: Any) -> None:
    what = "replace the signing key; the old one stays valid for 24 hours"
    rotate = command(own, "rotate", _rotate, what, in_project=False)
    rotate.add_argument("--overlap", type=duration, default=signing.OVERLAP, metavar="24h")


def _add_sessions(sessions: Any) -> None:
    command(sessions, "list", _list_sessions, "list the latest hundred sessions")
    what = "revoke a session; it is refused from the next request on"
    command(sessions, "revoke", _revoke_session, what, "session_id")


def _add_catalogs(catalogs: Any) -> None:
    publish = command(catalogs, "publish", _publish_catalog, "publish a catalog's next version")
    publish.add_argument("--catalog", required=True, metavar="FILE")
    command(catalogs, "list", _list_catalogs, "list a project's catalogs")
    show = command(
        catalogs, "show", _show_catalog, "show a version of a catalog (default: the latest)"
    )
    show.add_argument("--version", type=int)
    diff = command(catalogs, "diff", _diff_catalog, "show the differences between two versions")
    diff.add_argument("before", type=int)
    diff.add_argument("after", type=int)
    for each in (publish, show, diff):
        each.add_argument("--name", required=True)


def _change_state(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    partner = _STATES[arguments.state](project.id, by=operator)
    if arguments.state == "enable":
        signing.signing_key()  # publishes the key in the JWKS before the first token is signed
    return _shown(partner)


def _show(arguments: argparse.Namespace, _operator: str) -> Answer:
    return _shown(partners.get_partner(projects.get_project(arguments.project).id))


def _set_origins(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return _shown(partners.set_origins(project.id, arguments.origin, by=operator))


def _set_preset(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    presets: dict[Any, Any] = {**partners.get_partner(project.id).presets}
    presets[arguments.preset] = arguments.permission
    return _shown(partners.set_presets(project.id, presets, by=operator))


def _create_key(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    minted = partners.create_signing_key(project.id, by=operator, mode=arguments.mode)
    return {
        "publishableKey": minted.key.publishable_key,
        "privateKeyPem": minted.private_key_pem,
        "id": minted.key.id,
    }


def _list_keys(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return {"keys": [shown(key) for key in partners.list_signing_keys(project.id)]}


def _revoke_key(arguments: argparse.Namespace, operator: str) -> Answer:
    key = partners.revoke_signing_key(arguments.project, arguments.publishable_key, by=operator)
    return shown(key)


def _rotate(arguments: argparse.Namespace, _operator: str) -> Answer:
    overlap: timedelta = arguments.overlap
    new, old = signing.rotate(overlap=overlap)
    return {"kid": new.kid, "replaced": old.kid, "honouredFor": str(overlap)}


def _list_sessions(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    sessions, _ = embed_sessions.list_sessions(project.id)
    return {"sessions": [_session(session) for session in sessions]}


def _revoke_session(arguments: argparse.Namespace, operator: str) -> Answer:
    embed_sessions.revoke_session(arguments.project, arguments.session_id, by=operator)
    return {"id": arguments.session_id, "revoked": True}


def _publish_catalog(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    catalog = read_json_file(arguments.catalog)
    request = validate_request(CatalogRequest, {"name": arguments.name, "catalog": catalog})
    published = catalogs.publish_catalog(project.id, request.name, request.catalog, by=operator)
    return {"name": published.name, "version": published.version}


def _list_catalogs(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    found, _ = catalogs.list_catalogs(project.id, limit=100)
    return CatalogsView.of(found, None).model_dump(exclude={"next_cursor"})


def _show_catalog(arguments: argparse.Namespace, _operator: str) -> Answer:
    found = catalogs.get_catalog(arguments.project, arguments.name, arguments.version)
    versions = catalogs.list_versions(arguments.project, arguments.name)
    return CatalogView.of(found, versions).model_dump(exclude={"changes"})


def _diff_catalog(arguments: argparse.Namespace, _operator: str) -> Answer:
    before, after = (
        catalogs.get_catalog(arguments.project, arguments.name, number)
        for number in (arguments.before, arguments.after)
    )
    return DifferenceView.of(before.version, catalogs.diff(before, after)).model_dump()


def _shown(partner: Partner) -> Answer:
    presets = {name: list(permissions) for name, permissions in partner.presets.items()}
    return {
        "projectId": partner.project_id,
        "status": partner.status,
        "origins": list(partner.origins),
        "presets": presets,
        "stage": config.stage,
    }


def _session(session: EmbedSession) -> Answer:
    return {
        "id": session.id,
        "mode": session.mode,
        "tenant": session.request.tenant.external_id,
        "actor": session.request.actor.external_id,
        "templateSlug": session.template_slug,
        "permissions": list(session.permissions),
        "createdAt": to_rfc3339(session.created_at),
        "expiresAt": to_rfc3339(session.expires_at),
        "revokedAt": to_rfc3339(session.revoked_at) if session.revoked_at else None,
        "submissions": session.submissions,
    }
