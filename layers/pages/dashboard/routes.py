"""The routes of the dashboard: method, path, role and handler, in one table.

The first match counts, so a fixed path such as `/keys/new` comes before `/keys/{key}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dashboard import once
from dashboard.pages import (
    audit,
    batches,
    command,
    editor,
    embed,
    hooks,
    keys,
    letterheads,
    members,
    projects,
    renders,
    requests,
    search,
    settings,
    sign_in,
    static,
    templates,
    trust,
    usage,
    versions,
    webhooks,
)
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response

Role = Literal["anyone", "user", "viewer", "admin", "owner"]
"""The role that a route requires. `viewer`, `admin` and `owner` are roles in the project that the
path names; `user` is any signed-in user."""

Handler = Callable[[RequestContext], Response]

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Args:
        path: below `/dashboard`; `{name}` matches one segment.

    Raises:
        ValueError: a POST for `anyone` or `viewer`, who may change nothing.
    """

    method: str
    path: str
    role: Role
    handler: Handler

    def __post_init__(self) -> None:
        if self.method == "POST" and self.role in ("anyone", "viewer"):
            raise ValueError(f"POST {self.path} requires the role user, admin or owner")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(BASE + _PARAMETER.sub(r"(?P<\1>[^/]+)", self.path))


def in_project(method: str, path: str, role: Role, handler: Handler) -> Route:
    """A route whose path is below a project."""
    return Route(method, f"/projects/{{project}}{path}", role, handler)


ROUTES = (
    Route("GET", "/sign-in", "anyone", sign_in.begin),
    Route("GET", "/signed-in", "anyone", sign_in.finish),
    Route("GET", "/session", "user", sign_in.show_session),
    Route("GET", "/signed-in-again", "user", sign_in.signed_in_again),
    Route("POST", "/sign-out", "user", sign_in.sign_out),
    Route("GET", "/signed-out", "anyone", sign_in.signed_out),
    Route("GET", "/connect", "user", command.choose),
    Route("GET", "/connect/key", "anyone", command.hand_over),
    Route("GET", "", "user", projects.list_projects),
    Route("GET", "/projects", "user", search.find_projects),
    Route("POST", "/projects", "user", projects.create_project),
    Route("POST", "/invitations/{project_id}", "user", projects.answer_invitation),
    in_project("GET", "", "viewer", projects.overview),
    in_project("POST", "/connect", "admin", command.connect),
    in_project("GET", "/connected", "admin", command.connected),
    in_project("GET", "/start", "viewer", projects.show_start),
    in_project("POST", "/start", "admin", projects.render_now),
    in_project("GET", "/keys", "viewer", keys.list_keys),
    in_project("GET", "/keys/new", "admin", keys.new_key),
    in_project("POST", "/keys", "admin", keys.create_key),
    in_project("GET", "/keys/{key}/created", "admin", keys.show_once),
    in_project("GET", "/keys/{key}", "viewer", keys.show_key),
    in_project("POST", "/keys/{key}/rotate", "admin", keys.rotate_key),
    in_project("POST", "/keys/{key}/end-rotation", "admin", keys.end_rotation),
    in_project("POST", "/keys/{key}/restore", "admin", keys.undo_revocation),
    in_project("POST", "/keys/{key}/name", "admin", keys.rename_key),
    in_project("POST", "/keys/{key}/limits", "admin", keys.limit_key),
    in_project("POST", "/keys/{key}/revoke", "admin", keys.revoke_key),
    in_project("POST", "/keys/diagnose", "admin", keys.diagnose),
    in_project("GET", "/trust", "viewer", trust.list_rules),
    in_project("GET", "/trust/new", "admin", trust.new_rule),
    in_project("POST", "/trust", "admin", trust.create_rule),
    in_project("POST", "/trust/try", "admin", trust.try_token),
    in_project("POST", "/trust/{rule}/end", "admin", trust.end_rule),
    in_project("GET", "/templates", "viewer", templates.list_templates),
    in_project("GET", "/templates/new", "viewer", templates.choose),
    in_project("GET", "/gallery/{entry}/image", "viewer", templates.gallery_image),
    in_project("POST", "/templates", "admin", templates.create_template),
    in_project("GET", "/templates/{slug}", "viewer", templates.show_template),
    in_project("GET", "/templates/{slug}/versions/{number}", "viewer", versions.show_version),
    in_project(
        "GET", "/templates/{slug}/versions/{number}/{size}.png", "viewer", versions.version_image
    ),
    in_project("GET", "/templates/{slug}/diff", "viewer", versions.compare),
    in_project("GET", "/templates/{slug}/diff/pages", "viewer", versions.compare_pages),
    in_project("POST", "/templates/{slug}/versions/{number}/restore", "admin", versions.roll_back),
    in_project("POST", "/templates/{slug}/delete", "admin", templates.delete_template),
    in_project("GET", "/templates/{slug}/edit", "admin", editor.edit),
    in_project("POST", "/templates/{slug}/preview", "admin", editor.preview),
    in_project("POST", "/templates/{slug}/draft", "admin", editor.save),
    in_project("POST", "/templates/{slug}/edit", "admin", editor.restore),
    in_project("GET", "/templates/{slug}/draft", "admin", editor.show_draft),
    in_project("POST", "/templates/{slug}/publish", "admin", editor.publish),
    in_project("POST", "/templates/{slug}/discard", "admin", editor.discard),
    in_project("GET", "/renders", "viewer", renders.list_renders),
    in_project("GET", "/renders/{render}", "viewer", renders.show_render),
    in_project("GET", "/renders/{render}/state", "viewer", renders.show_state),
    in_project("GET", "/renders/{render}/pages", "viewer", renders.show_pages),
    in_project("GET", "/renders/{render}/download", "viewer", renders.download),
    in_project("POST", "/renders/{render}/cancel", "admin", renders.cancel),
    in_project("POST", "/renders/{render}/retry", "admin", renders.retry),
    in_project("GET", "/batches", "viewer", batches.list_batches),
    in_project("GET", "/batches/{batch}", "viewer", batches.show_batch),
    in_project("GET", "/batches/{batch}/state", "viewer", batches.show_state),
    in_project("POST", "/batches/{batch}/cancel", "admin", batches.cancel),
    in_project("GET", "/webhooks", "viewer", webhooks.list_endpoints),
    in_project("GET", "/webhooks/new", "admin", webhooks.new_endpoint),
    in_project("POST", "/webhooks", "admin", webhooks.create_endpoint),
    in_project("GET", "/webhooks/{endpoint}", "viewer", webhooks.show_endpoint),
    in_project("GET", "/webhooks/{endpoint}/edit", "admin", webhooks.edit_endpoint),
    in_project("POST", "/webhooks/{endpoint}", "admin", webhooks.change_endpoint),
    in_project("POST", "/webhooks/{endpoint}/rotate", "admin", webhooks.rotate_secret),
    in_project("POST", "/webhooks/{endpoint}/switch", "admin", webhooks.switch_endpoint),
    in_project("POST", "/webhooks/{endpoint}/delete", "admin", webhooks.delete_endpoint),
    in_project("POST", "/webhooks/{endpoint}/send", "admin", webhooks.send_event),
    in_project("POST", "/webhooks/{endpoint}/replay", "admin", webhooks.replay_many),
    in_project(
        "GET", "/webhooks/{endpoint}/deliveries/{delivery}", "viewer", webhooks.show_delivery
    ),
    in_project(
        "GET",
        "/webhooks/{endpoint}/deliveries/{delivery}/attempts",
        "viewer",
        webhooks.show_attempts,
    ),
    in_project(
        "POST", "/webhooks/{endpoint}/deliveries/{delivery}/replay", "admin", webhooks.replay
    ),
    in_project("GET", "/hooks", "viewer", hooks.list_hooks),
    in_project("POST", "/hooks", "admin", hooks.create_hook),
    in_project("POST", "/hooks/{hook}/rotate", "admin", hooks.rotate_hook),
    in_project("POST", "/hooks/{hook}/switch", "admin", hooks.switch_hook),
    in_project("GET", "/embed", "viewer", embed.overview),
    in_project("POST", "/embed/enable", "admin", embed.enable),
    in_project("POST", "/embed/disable", "admin", embed.disable),
    in_project("GET", "/embed/origins", "viewer", embed.show_origins),
    in_project("POST", "/embed/origins", "admin", embed.set_origins),
    in_project("POST", "/embed/presets", "admin", embed.set_presets),
    in_project("GET", "/embed/keys", "viewer", embed.list_keys),
    in_project("POST", "/embed/keys", "admin", embed.create_key),
    in_project("POST", "/embed/keys/{key}/revoke", "admin", embed.revoke_key),
    in_project("GET", "/embed/catalogs", "viewer", embed.list_catalogs),
    in_project("POST", "/embed/catalogs", "admin", embed.publish_catalog),
    in_project("GET", "/embed/catalogs/{name}", "viewer", embed.show_catalog),
    in_project("GET", "/embed/sessions", "viewer", embed.list_sessions),
    in_project("POST", "/embed/sessions/{session}/revoke", "admin", embed.revoke_session),
    in_project("GET", "/embed/sandbox", "admin", embed.show_sandbox),
    in_project("POST", "/embed/sandbox", "admin", embed.open_sandbox),
    in_project("GET", "/search", "viewer", search.search),
    in_project("GET", "/requests", "viewer", requests.list_requests),
    in_project("GET", "/usage", "viewer", usage.show_usage),
    in_project("GET", "/audit", "viewer", audit.list_entries),
    in_project("GET", "/settings", "viewer", settings.show_settings),
    in_project("POST", "/settings/name", "admin", settings.rename),
    in_project("POST", "/settings/exposure", "admin", settings.set_exposure_policy),
    in_project("POST", "/settings/anomalies", "admin", settings.set_anomaly_policy),
    in_project("POST", "/settings/key-policy", "admin", settings.set_key_policy),
    in_project("POST", "/settings/limits", "admin", settings.limit_project),
    in_project("POST", "/letterheads", "admin", letterheads.publish_letterhead),
    in_project("POST", "/letterheads/{name}/delete", "admin", letterheads.delete_letterhead),
    in_project("POST", "/settings/transfer", "owner", settings.transfer_project),
    in_project("POST", "/settings/delete", "owner", settings.delete_project),
    in_project("POST", "/members", "owner", members.invite),
    in_project("POST", "/members/{sub}/role", "owner", members.change_role),
    in_project("POST", "/members/{sub}/remove", "owner", members.remove),
    in_project("GET", "/shown-once", "admin", once.shown),
    Route("GET", "/static/{digest}/{name}", "anyone", static.serve),
)
