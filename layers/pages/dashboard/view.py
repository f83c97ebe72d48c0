"""Renders the HTML templates: Jinja2 with autoescaping, and filters that format values."""

import hashlib
import json
from base64 import b64encode
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.errors import DOCUMENTATION_URL
from dashboard import charts
from dashboard.navigation import SECTIONS
from dashboard.web import BASE

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"

_SPANS = ((365, "year"), (30, "month"), (7, "week"), (1, "day"))


def render(name: str, /, **context: Any) -> str:
    return _environment().get_template(name).render(**context)


@cache
def static_url(name: str) -> str:
    """A file's URL. It contains a hash of the content, so that browsers can cache the file."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"{BASE}/static/{digest}/{name}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "base": BASE,
        "config": config,
        "sections": SECTIONS,
        "guides": DOCUMENTATION_URL.rpartition("/")[0],
        "static": static_url,
        "sparkline": charts.sparkline,
        "bars": charts.bars,
    }
    environment.filters |= {
        "base64": lambda content: b64encode(content).decode(),
        "bytes": size,
        "count": count,
        "json": pretty_json,
        "lookup": lambda key, numbers: numbers.get(key, 0),
        "moment": moment,
        "prettied": prettied,
        "seconds": seconds,
    }
    return environment


def moment(at: datetime | str, now: datetime) -> Markup:
    """A time relative to now, with the exact time as a tooltip."""
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    exact = to_rfc3339(at)
    shown = f"{at:%-d %B %Y, %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, shown, ago(at, now))


def ago(at: datetime, now: datetime) -> str:
    """`3 minutes ago`, `in 2 weeks`, `just now`."""
    distance = abs(now - at)
    words = _distance(distance)
    if words is None:
        return "just now"
    return f"{words} ago" if at <= now else f"in {words}"


def _distance(span: timedelta) -> str | None:
    for days, unit in _SPANS:
        if span.days >= days:
            return _plural(span.days // days, unit)
    if span.seconds >= 3600:
        return _plural(span.seconds // 3600, "hour")
    return _plural(span.seconds // 60, "minute") if span.seconds >= 60 else None


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def seconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def size(number: int | None) -> str:
    if number is None:
        return "–"
    if number < 1000:
        return f"{number} B"
    return f"{number / 1000:.0f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"


def count(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def pretty_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def prettied(text: str) -> str:
    """JSON with indentation; other text unchanged."""
    try:
        return pretty_json(json.loads(text))
    except (ValueError, RecursionError):
        return text
