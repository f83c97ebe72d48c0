"""Warnings about names in the data that resemble a name of the manifest.

Names that the manifest does not have are dropped, so a misspelled optional value would be lost
without an error.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

from craftkit.templates.data import Tree, tree_of
from craftkit.templates.models import Loop, Manifest

_WARNING_LIMIT = 20
_ITEMS_SEARCHED = 100
_NAMES_COMPARED = 50
_SIMILARITY = 0.7


def warnings_of_names(manifest: Manifest, data: Mapping[str, Any]) -> tuple[str, ...]:
    """A message for each unknown name that resembles an absent name of the same object.

    Only the first hundred items of a list are checked, and each name is reported once.
    """
    return tuple(
        islice(_warnings(_cached_tree(manifest.canonical), data, "", set()), _WARNING_LIMIT)
    )


def _warnings(tree: Tree, data: Any, path: str, reported: set[str]) -> Iterator[str]:
    if not isinstance(data, Mapping):
        return
    unknown = [name for name in data if name not in tree]
    if unknown:
        yield from _of_object(tree, data, unknown[:_NAMES_COMPARED], path, reported)
    for name, node in tree.items():
        inner = data.get(name)
        below = f"{path}{name}."
        if isinstance(node, dict):
            yield from _warnings(node, inner, below, reported)
        elif isinstance(node, Loop) and isinstance(inner, list):
            items = tree_of(node.item_fields)
            for index, item in enumerate(inner[:_ITEMS_SEARCHED]):
                yield from _warnings(items, item, f"{below}{index}.", reported)


def _of_object(
    tree: Tree, data: Mapping[str, Any], unknown: list[str], path: str, reported: set[str]
) -> Iterator[str]:
    absent = [name for name in tree if name not in data]
    for name in unknown:
        near = get_close_matches(name, absent, 1, _SIMILARITY) if len(name) <= 64 else []
        place = "".join(step for step in path if not step.isdigit()) + name
        if near and place not in reported:
            reported.add(place)
            yield (
                f"The manifest has no {path}{name}, so it was ignored. "
                f"Did you mean {path}{near[0]}?"
            )


@lru_cache(maxsize=256)
def _cached_tree(canonical: str) -> Tree:
    manifest = Manifest.model_validate_json(canonical)
    return tree_of((*manifest.variables, *manifest.loops))
