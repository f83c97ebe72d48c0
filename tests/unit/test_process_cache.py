"""Which caches of the deployed packages `process_cache.clear_all` empties."""

import importlib
import pkgutil
from collections.abc import Iterator

import craftkit
import dashboard
import typesetting
from craftkit import process_cache

PURE = {
    "craftkit.auth.connections._context_of",
    "craftkit.embed.page.html._assets",
    "craftkit.embed.page.html._compressed",
    "craftkit.embed.tokens.signing._derive",
    "craftkit.network.tls_context",
    "craftkit.requests.fixes._fixes",
    "craftkit.templates.data._validator",
    "craftkit.templates.gallery.load",
    "craftkit.templates.locales._known",
    "craftkit.templates.misspellings._cached_tree",
    "dashboard.view._environment",
    "dashboard.view.static_url",
    "typesetting.locales._content",
    "typesetting.locales.currency_digits",
    "typesetting.locales.locale",
    "typesetting.sandbox._cjk_folders",
    "typesetting.sandbox._hide_from_children",
    "typesetting.service._sandbox",
}
"""Caches whose values are the same in every stage."""


def caches() -> Iterator[tuple[str, object]]:
    for package in (craftkit, dashboard, typesetting):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                is_own = getattr(value, "__module__", "") == found.name
                if is_own and not isinstance(value, type) and hasattr(value, "cache_clear"):
                    yield f"{found.name}.{name}", value


def test_every_stage_dependent_cache_is_registered() -> None:
    found = dict(caches())  # imports every module, which registers its caches
    registered = {id(getattr(clear, "__self__", None)) for clear in process_cache._clears}
    unregistered = {name for name, cache in found.items() if id(cache) not in registered}
    assert unregistered == PURE


def test_clear_all__a_cached_function_runs_again() -> None:
    calls = []

    @process_cache.process_cache
    def read(name: str) -> str:
        calls.append(name)
        return name

    try:
        read("a")
        read("a")
        process_cache.clear_all()
        assert read("a") == "a"
    finally:
        process_cache._clears.pop()
    assert calls == ["a", "a"]
