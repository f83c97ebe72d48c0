"""Inbound hooks: a template's doors for third parties, made where the template is used."""

from craftkit.config import config
from craftkit.hooks import service as hooks
from craftkit.hooks.models import Hook, MadeHook
from craftkit.keys import service as keys
from dashboard import once, samples
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import Answer


@route("GET", "/projects/{project}/hooks")
def list_hooks(visit: Visit) -> Answer:
    found = hooks.list_hooks(visit.project.id)
    return visit.page(
        "hooks/list.html",
        hooks=found,
        keys=keys.names_of(visit.project.id, [hook.key_id for hook in found]),
    )


@route("POST", "/projects/{project}/hooks", needs="admin")
def create_hook(visit: Visit) -> Answer:
    made = hooks.create_hook(
        visit.project.id,
        visit.form("slug"),
        visit.form("key"),
        requires_signature=visit.form("signed") == "yes",
        by=visit.person.sub,
    )
    return _shown(visit, made)


@route("POST", "/projects/{project}/hooks/{hook}/rotate", needs="admin")
def rotate_hook(visit: Visit) -> Answer:
    made = hooks.rotate_hook(visit.project.id, visit.path("hook"), by=visit.person.sub)
    return _shown(visit, made)


@route("POST", "/projects/{project}/hooks/{hook}/switch", needs="admin")
def switch_hook(visit: Visit) -> Answer:
    on = visit.form("on") == "yes"
    hooks.switch_hook(visit.project.id, visit.path("hook"), on=on, by=visit.person.sub)
    return visit.done("/hooks", f"The hook is {'on' if on else 'off'}.")


def of_template(project_id: str, slug: str) -> list[Hook]:
    return [hook for hook in hooks.list_hooks(project_id) if hook.slug == slug]


def _shown(visit: Visit, made: MadeHook) -> Answer:
    url = f"{config.api_url}/v1/hooks/{made.token}"
    return once.show(
        visit,
        f"Inbound hook of {made.hook.slug}",
        [("URL; whoever knows it may call it", url), ("Signing secret", made.secret)],
        samples=samples.hook(url, made.secret),
        back="/hooks",
    )
