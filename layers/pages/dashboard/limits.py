"""Reads the form of limits, for keys and projects. An empty field removes the limit."""

from typing import Any

from craftkit.errors import InvalidRequestError
from craftkit.limits.models import LimitsChange, Rate
from craftkit.schema import validate_request
from dashboard.request_context import RequestContext


def read(context: RequestContext) -> LimitsChange:
    """The change that the form requests.

    Raises:
        InvalidRequestError: a quota is not a number, or the rate is not of the form `10/s`.
    """
    wanted: dict[str, Any] = {}
    cleared: set[str] = set()
    for name in ("renders_per_day", "renders_per_month", "warn_at_percent"):
        if text := context.form(name):
            wanted[name] = text
        else:
            cleared.add(name)
    rate, burst = context.form("rate"), context.form("burst")
    if rate:
        wanted["rate"] = _rate(rate, burst)
    else:
        cleared.add("rate")
    return validate_request(LimitsChange, {**wanted, "cleared": cleared})


def _rate(text: str, burst: str) -> Rate:
    try:
        return Rate.of_text(text, int(burst) if burst else None)
    except ValueError as error:
        message = "Enter a rate such as 10/s, 300/m or 5000/h, and a burst as a whole number."
        raise InvalidRequestError(message) from error
