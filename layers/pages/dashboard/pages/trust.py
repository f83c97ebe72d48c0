"""Trust rules: list, create, end, and try a pasted token."""

from datetime import timedelta
from typing import Any

from craftkit.auth.principal import DEFAULT_SCOPES, TOKEN_SCOPES
from craftkit.errors import ConflictError, InvalidRequestError, Issues
from craftkit.ids import is_id, new_id
from craftkit.schema import validate_request
from craftkit.templates import service as templates
from craftkit.trust import service
from craftkit.trust.models import LONGEST_LIFE, NewTrustRule
from dashboard.pages.keys import names_of
from dashboard.request_context import RequestContext
from dashboard.web import Response

_LIVES = (15, 10, 5, 1)
_CLAIM_LINES = 100


def list_rules(context: RequestContext) -> Response:
    rules = service.list_rules(context.project.id)
    return context.page("trust/list.html", rules=rules, names=names_of(context))


def new_rule(context: RequestContext) -> Response:
    return context.page("trust/new.html", **_choices(context))


def create_rule(context: RequestContext) -> Response:
    """Create a rule. Submitting the form twice creates one rule."""
    once = context.form("once")
    try:
        rule = service.create_rule(
            context.project.id,
            _read_request(context),
            by=context.user.sub,
            rule_id=once if is_id(once) else None,
        )
    except (InvalidRequestError, ConflictError) as error:
        if once in {rule.id for rule in service.list_rules(context.project.id)}:
            return context.go(context.url("/trust"))
        return context.refused("trust/new.html", error, **_choices(context))
    return context.done("/trust", f"{rule.name} accepts tokens from now on.")


def end_rule(context: RequestContext) -> Response:
    rule = service.end_rule(
        context.path("rule"), by=context.user.sub, project_id=context.project.id
    )
    return context.done("/trust", f"{rule.name} has ended, with every token issued under it.")


def try_token(context: RequestContext) -> Response:
    """Which rule accepts a pasted token, or why none does. The token is neither stored nor used."""
    trial = service.try_token(context.project.id, context.form("token"))
    return context.fragment("trust/trial.html", trial=trial)


def _read_request(context: RequestContext) -> NewTrustRule:
    minutes = context.form("life")
    life = timedelta(minutes=int(minutes)) if minutes.isdecimal() else LONGEST_LIFE
    return validate_request(
        NewTrustRule,
        {
            **{name: context.form(name) for name in ("name", "issuer", "audience", "subject")},
            "claims": _read_claims(context.form("claims")),
            "mode": context.form("mode"),
            "scopes": context.request.all("scopes"),
            "templates": context.request.all("templates"),
            "life": life,
        },
    )


def _read_claims(text: str) -> dict[str, str]:
    """Claims from lines such as `repository_owner_id=42`.

    Raises:
        InvalidRequestError: a line is not of this form, or names a claim again.
    """
    claims: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines()[:_CLAIM_LINES])):
        name, separator, pattern = (part.strip() for part in line.partition("="))
        if not (name and separator and pattern) or name in claims:
            message = "Enter each claim once, one a line, such as repository_owner_id=42."
            raise InvalidRequestError(message, issues=Issues(field_errors={"claims": [message]}))
        claims[name] = pattern
    return claims


def _choices(context: RequestContext) -> dict[str, Any]:
    listed = templates.list_templates(context.project.id, limit=100).templates
    return {
        "scopes": TOKEN_SCOPES,
        "slugs": [each.slug for each in listed],
        "lives": _LIVES,
        "form": context.request.form,
        "once": new_id(),
        "chosen": context.request.all("scopes") or DEFAULT_SCOPES,
        "chosen_slugs": context.request.all("templates"),
        "error": None,
    }
