"""`craftkit types SLUG`: prints the type of a template's data for TypeScript or Python."""

import argparse
import json
import keyword
import re
from pathlib import Path
from typing import Any

from craftkit.errors import InvalidRequestError
from craftkit_cli.answers import Answer
from craftkit_cli.api import api_command
from craftkit_cli.files import write_file
from craftkit_sdk import Craftkit

Json = dict[str, Any]


def add_commands(commands: Any) -> None:
    made = api_command(commands, "types", _types, "print the type of a template's data", "slug")
    made.add_argument("--language", choices=("typescript", "python"), default="typescript")
    made.add_argument("-o", "--out", metavar="FILE", help="write to a file instead of stdout")


def _types(arguments: argparse.Namespace, client: Craftkit) -> Answer | str:
    schema = client.templates.get(arguments.slug)["jsonSchema"]
    if schema is None:
        raise InvalidRequestError(f"The template {arguments.slug} has no published version.")
    written = (typescript if arguments.language == "typescript" else python)(arguments.slug, schema)
    if not arguments.out:
        return written
    write_file(Path(arguments.out), written.encode())
    return {"slug": arguments.slug, "file": arguments.out}


def typescript(slug: str, schema: Json) -> str:
    """An exported interface, and the interfaces that it refers to."""
    return f"// The data of the template {slug}.\n{_interface(_name(slug), schema)}"


def _interface(name: str, schema: Json) -> str:
    required, lines, others = schema.get("required", []), [], []
    for field, part in schema.get("properties", {}).items():
        kind, nested = _typescript_type(name + _name(field), part)
        others += nested
        if said := part.get("description") or part.get("title"):
            lines.append(f"  /** {str(said).replace('*/', '* /')} */")
        key = field if re.fullmatch(r"[A-Za-z_$][\w$]*", field) else json.dumps(field)
        lines.append(f"  {key}{'' if field in required else '?'}: {kind};")
    body = "\n".join(lines)
    return "\n".join([f"export interface {name} {{", *([body] if body else []), "}", "", *others])


def _typescript_type(name: str, schema: Json) -> tuple[str, list[str]]:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"]), []
    for several in ("anyOf", "oneOf"):
        if several in schema:
            found = [_typescript_type(name, each) for each in schema[several]]
            kinds = dict.fromkeys(kind for kind, _ in found)
            return " | ".join(kinds), [each for _, nested in found for each in nested]
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_SCRIPT_TYPES.get(each, "unknown") for each in kind), []
    if kind == "object" and "properties" in schema:
        return name, [_interface(name, schema)]
    if kind == "array":
        item, nested = _typescript_type(name + "Item", schema.get("items", {}))
        return (f"({item})[]" if " | " in item else f"{item}[]"), nested
    return _SCRIPT_TYPES.get(str(kind), "unknown"), []


_SCRIPT_TYPES = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "Record<string, unknown>",
}


def python(slug: str, schema: Json) -> str:
    """A TypedDict, after the TypedDicts that it refers to."""
    imports = "from typing import Any, Literal, NotRequired, TypedDict"
    head = f'"""The data of the template {slug}."""\n\n{imports}\n'
    return head + "".join(f"\n\n{each}\n" for each in _typed_dicts(_name(slug), schema))


def _typed_dicts(name: str, schema: Json) -> list[str]:
    required, fields, others = schema.get("required", []), {}, []
    for field, part in schema.get("properties", {}).items():
        kind, nested = _python_type(name + _name(field), part)
        others += nested
        fields[field] = kind if field in required else f"NotRequired[{kind}]"
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
        lines = [f"    {field}: {kind}" for field, kind in fields.items()] or ["    pass"]
        return [*others, "\n".join([f"class {name}(TypedDict):", *lines])]
    entries = ", ".join(f"{json.dumps(field)}: {kind}" for field, kind in fields.items())
    return [*others, f'{name} = TypedDict("{name}", {{{entries}}})']


def _python_type(name: str, schema: Json) -> tuple[str, list[str]]:
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]", []
    for several in ("anyOf", "oneOf"):
        if several in schema:
            found = [_python_type(name, each) for each in schema[several]]
            kinds = dict.fromkeys(kind for kind, _ in found)
            return " | ".join(kinds), [each for _, nested in found for each in nested]
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_PYTHON_TYPES.get(each, "Any") for each in kind), []
    if kind == "object" and "properties" in schema:
        return name, _typed_dicts(name, schema)
    if kind == "array":
        item, nested = _python_type(name + "Item", schema.get("items", {}))
        return f"list[{item}]", nested
    return _PYTHON_TYPES.get(str(kind), "Any"), []


_PYTHON_TYPES = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}


def _name(text: str) -> str:
    """`credit-note` → `CreditNote`."""
    found = "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))
    return found if found[:1].isalpha() else f"T{found}"
