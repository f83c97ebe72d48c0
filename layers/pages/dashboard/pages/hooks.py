"""Inbound hooks: URLs at which third parties start a render of a template."""

from craftkit.config import config
from craftkit.hooks import service as hooks
from craftkit.hooks.models import Hook, MadeHook
from craftkit.keys import service as keys
from dashboard import once, samples
from dashboard.request_context import RequestContext
from dashboard.web import Response


def list_hooks(context: RequestContext) -> Response:
    found = hooks.list_hooks(context.project.id)
    return context.page(
        "hooks/list.html",
        hooks=found,
        keys=keys.names_of(context.project.id, [hook.key_id for hook in found]),
    )


def create_hook(context: RequestContext) -> Response:
    made = hooks.create_hook(
        context.project.id,
        context.form("slug"),
        context.form("key"),
        requires_signature=context.form("signed") == "yes",
        by=context.user.sub,
    )
    return _shown(context, made)


def rotate_hook(context: RequestContext) -> Response:
    made = hooks.rotate_hook(context.project.id, context.path("hook"), by=context.user.sub)
    return _shown(context, made)


def switch_hook(context: RequestContext) -> Response:
    on = context.form("on") == "yes"
    hooks.switch_hook(context.project.id, context.path("hook"), on=on, by=context.user.sub)
    return context.done("/hooks", f"The hook is {'on' if on else 'off'}.")


def of_template(project_id: str, slug: str) -> list[Hook]:
    return [hook for hook in hooks.list_hooks(project_id) if hook.slug == slug]


def _shown(context: RequestContext, made: MadeHook) -> Response:
    url = f"{config.api_url}/v1/hooks/{made.token}"
    return once.show(
        context,
        f"Inbound hook of {made.hook.slug}",
        [("URL: anyone who knows it can call it", url), ("Signing secret", made.secret)],
        samples=samples.hook(url, made.secret),
        back="/hooks",
    )
