"""Data and its manifest: validation, JSON Schema, preview data.

The validator is built once for each manifest, in pydantic's core, from the same tree that the
JSON Schema is written from.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from craftkit.errors import InvalidInputDataError, Issues
from craftkit.issues import issues_of
from craftkit.templates.models import DataType, Loop, Manifest, Variable
from craftkit.templates.values import value_type

LOOP_LIMIT = 10_000
IMAGE_LIMIT = 20
_SEARCHED_LIMIT = 2_000
"""Maximum objects and lists of data in which all issues are collected. A kilobyte of empty items
can miss thousands of values, and each issue takes half a kilobyte of memory."""

Tree = dict[str, "Tree | Variable | Loop"]
"""The names of an object, each with its variable, its loop or its own object."""


def validate_data(manifest: Manifest, data: object) -> dict[str, Any]:
    """Validate `data` and convert it for the typesetter. Unknown names are dropped.

    The result has every path of the manifest: None for an absent optional value, an empty list for
    an absent loop. `number` and `currency` are decimal strings, dates and times ISO 8601 strings.

    Raises:
        InvalidInputDataError: issues by dotted path with index (`items.3.qty`); no values.
    """
    try:
        validated: dict[str, Any] = _validator(manifest.canonical).validate_python(data)
    except ValidationError as error:
        raise InvalidInputDataError(issues=_issues(manifest, data, error)) from error
    urls: set[str] = set()
    for path, url in image_values(manifest, validated).items():
        urls.add(url)
        if len(urls) > IMAGE_LIMIT:
            issue = f"At most {IMAGE_LIMIT} different images in one document"
            raise InvalidInputDataError(issues=Issues(field_errors={path: [issue]}))
    return validated


def types(manifest: Manifest) -> dict[str, str]:
    """The type at each path, for the typesetter.

    The fields of a loop follow its key (`items.price`); the loop itself has the type `loop`. The
    format of a variable follows its type (`currency:EUR`).
    """
    return dict(_types("", manifest.variables, manifest.loops))


def variables(manifest: Manifest) -> Iterator[tuple[str, Variable]]:
    """Every variable with its full path, including the variables of loops."""
    yield from ((variable.key, variable) for variable in manifest.variables)
    for loop in manifest.loops:
        yield from _loop_variables(loop, loop.key)


def image_values(manifest: Manifest, validated: Mapping[str, Any]) -> dict[str, str]:
    """The images of validated data: URL or `data:` URI by path with index (`items.3.photo`)."""
    return values_of("image", types(manifest), validated)


def values_of(
    data_type: DataType, kinds: Mapping[str, str], validated: Mapping[str, Any]
) -> dict[str, str]:
    """The values of one type in validated data, by path with index.

    Args:
        kinds: the result of `types`.
    """
    found: dict[str, str] = {}
    for path, kind in kinds.items():
        if kind.partition(":")[0] == data_type:
            found |= dict(values_at(path, validated))
    return found


def values_at(path: str, validated: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of validated data at a manifest path, through its loops, without absent ones."""
    yield from _values_at("", path.split("."), validated)


def preview_data(manifest: Manifest) -> dict[str, Any]:
    """Example data for the template: the author's preview data, else an example of each type.

    It has the form of a request's `data`, before validation.
    """
    return _preview(manifest.variables, manifest.loops, 0)


def json_schema(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON Schema draft-07: accepts the data that `validate_data` accepts."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_object_schema(tree_of((*manifest.variables, *manifest.loops))),
    }


def tree_of(fields: Iterable[Variable | Loop]) -> Tree:
    root: Tree = {}
    for field in fields:
        *parents, name = field.key.split(".")
        node = root
        for parent in parents:
            child = node.setdefault(parent, {})
            assert isinstance(child, dict)  # noqa: S101 the manifest has no key beneath a value
            node = child
        node[name] = field
    return root


def _is_required(node: "Tree | Variable | Loop") -> bool:
    """Whether the node is required. A group is required if anything in it is."""
    if isinstance(node, dict):
        return any(map(_is_required, node.values()))
    return node.required


@lru_cache(maxsize=256)
def _validator(canonical: str, *, finds_all: bool = False) -> SchemaValidator:
    """A validator that stops at the first invalid item of a list, unless `finds_all`."""
    manifest = Manifest.model_validate_json(canonical)
    return SchemaValidator(_object((*manifest.variables, *manifest.loops), finds_all))


def _object(fields: Iterable[Variable | Loop], finds_all: bool) -> CoreSchema:
    return _group(tree_of(fields), finds_all)


def _group(tree: Tree, finds_all: bool) -> CoreSchema:
    return core_schema.typed_dict_schema(
        {name: _member(node, finds_all) for name, node in tree.items()}, extra_behavior="ignore"
    )


def _member(node: "Tree | Variable | Loop", finds_all: bool) -> core_schema.TypedDictField:
    if isinstance(node, dict):
        # An absent group is validated as an empty one, so that the issue names the missing value.
        schema = core_schema.no_info_before_validator_function(
            lambda value: {} if value is None else value, _group(node, finds_all)
        )
        absent = core_schema.with_default_schema(
            schema, default_factory=dict, validate_default=True
        )
        return core_schema.typed_dict_field(absent, required=False)
    if isinstance(node, Loop):
        return _optional(node, _list(node, finds_all), list)
    read = core_schema.no_info_plain_validator_function(value_type(node).read)
    return _optional(node, read, lambda: None)


def _optional(node: Variable | Loop, schema: CoreSchema, absent: Any) -> core_schema.TypedDictField:
    if node.required:
        return core_schema.typed_dict_field(schema)
    nullable = core_schema.no_info_wrap_validator_function(
        lambda value, inner: absent() if value is None else inner(value), schema
    )
    return core_schema.typed_dict_field(
        core_schema.with_default_schema(nullable, default_factory=absent), required=False
    )


def _list(loop: Loop, finds_all: bool) -> CoreSchema:
    items = _object(loop.item_fields, finds_all)
    schema = core_schema.list_schema(items, strict=True, fail_fast=not finds_all)
    return core_schema.no_info_before_validator_function(_bounded, schema)


def _bounded(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("missing", "Required")
    if isinstance(value, list) and len(value) > LOOP_LIMIT:
        raise PydanticCustomError("loop", "At most 10,000 items")
    return value


def _issues(manifest: Manifest, data: object, error: ValidationError) -> Issues:
    """All issues of the data; for large data only the first one of each list, from `error`."""
    is_large = _is_large(data)
    if not is_large:
        try:
            _validator(manifest.canonical, finds_all=True).validate_python(data)
        except ValidationError as all_of_them:
            error = all_of_them
    issues = issues_of(error)
    if is_large:
        issues.form_errors.append(
            "The data is large: only the first issue of each list is reported"
        )
    return issues


def _is_large(data: object) -> bool:
    found, level = 0, [data]
    while level and found <= _SEARCHED_LIMIT:
        parts = [part for part in level if isinstance(part, dict | list)]
        found += len(parts)
        level = [
            child for part in parts for child in (part.values() if isinstance(part, dict) else part)
        ]
    return found > _SEARCHED_LIMIT


def _types(
    prefix: str, fields: Iterable[Variable], loops: Iterable[Loop]
) -> Iterator[tuple[str, str]]:
    for variable in fields:
        suffix = f":{variable.format}" if variable.format else ""
        yield prefix + variable.key, variable.data_type + suffix
    for loop in loops:
        yield prefix + loop.key, "loop"
        yield from _types(f"{prefix}{loop.key}.", loop.variables, loop.loops)


def _loop_variables(loop: Loop, prefix: str) -> Iterator[tuple[str, Variable]]:
    yield from ((f"{prefix}.{variable.key}", variable) for variable in loop.variables)
    for inner in loop.loops:
        yield from _loop_variables(inner, f"{prefix}.{inner.key}")


def _values_at(path: str, steps: list[str], value: Any) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values_at(f"{path}.{index}", steps, item)
    elif steps:
        below = f"{path}.{steps[0]}" if path else steps[0]
        yield from _values_at(below, steps[1:], value[steps[0]])
    else:
        yield path, value


def _preview(fields: Iterable[Variable], loops: Iterable[Loop], index: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for variable in fields:
        given = variable.preview_data
        *parents, name = variable.key.split(".")
        node = data
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value_type(variable).example(index) if given is None else given
    for loop in loops:
        *parents, name = loop.key.split(".")
        data[name] = (
            [_preview(loop.variables, loop.loops, item) for item in range(3)]
            if loop.preview_data is None
            else loop.preview_data
        )
    return data


def _object_schema(tree: Tree) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _node_schema(node) for name, node in tree.items()},
    }
    required = [name for name, node in tree.items() if _is_required(node)]
    return schema | ({"required": required} if required else {})


def _node_schema(node: "Tree | Variable | Loop") -> dict[str, Any]:
    if isinstance(node, dict):
        schema = _object_schema(node)
    elif isinstance(node, Loop):
        items = _object_schema(tree_of(node.item_fields))
        schema = {"type": "array", "maxItems": LOOP_LIMIT, "items": items}
    else:
        schema = dict(value_type(node).schema)
    if not isinstance(node, dict):
        schema["title"] = node.label
        if node.description:
            schema["description"] = node.description
    if not _is_required(node):
        kinds = schema["type"]
        schema["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    return schema
