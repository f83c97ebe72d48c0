"""CloudFormation templates as data, with their intrinsic functions resolved for one stage.

Values that are known only after a deployment (a Ref to a resource, its ARN) keep their long form,
`{"Ref": …}` or `{"Fn::GetAtt": …}`, until `Template.resolve` gets names for it.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

_ACCOUNT = "123456789012"
_REGION = "us-east-1"
_ABSENT = object()


class _Loader(yaml.SafeLoader):
    pass


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Json:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def read_template(path: Path) -> Json:
    """The template, with `!Ref x` read as `{"Ref": "x"}`, `!Sub x` as `{"Fn::Sub": "x"}`."""
    document: Json = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 a SafeLoader
    return document


class Template:
    """A template in one stage.

    Args:
        parameters: values of its parameters, `Stage` among them. A parameter without a value and
            without a default stays a Ref.
    """

    def __init__(self, document: Json, **parameters: str) -> None:
        self.document = document
        defaults = {
            name: definition["Default"]
            for name, definition in document.get("Parameters", {}).items()
            if "Default" in definition
        }
        self._parameters = defaults | {
            name: value for name, value in parameters.items() if name in document["Parameters"]
        }

    @property
    def stage(self) -> str:
        return str(self._parameters["Stage"])

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The resources that exist in this stage, by logical id, with their conditions applied."""
        return {
            name: self.resolve(resource)
            for name, resource in self.document["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, Json]:
        """Properties by logical id of every resource of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    @cached_property
    def functions(self) -> dict[str, Json]:
        """Properties by logical id, with Globals merged in as SAM does it."""
        shared = self.resolve(self.document.get("Globals", {}).get("Function", {}))
        own = self.of_type("AWS::Serverless::Function")
        return {name: _merged(shared, properties) for name, properties in own.items()}

    def environment(self, function: str) -> Json:
        """The variables of a function, by its logical id."""
        variables: Json = self.functions[function].get("Environment", {}).get("Variables", {})
        return variables

    def functions_of(self, folder: str) -> list[str]:
        """Logical ids of the functions whose code is `functions/<folder>`."""
        return [
            name
            for name, properties in self.functions.items()
            if str(properties["CodeUri"]).rstrip("/") == f"functions/{folder}"
        ]

    def resolve(self, value: Any, names: Mapping[str, Any] | None = None) -> Any:
        """`value` with all intrinsic functions resolved that can be.

        Args:
            names: physical ids by logical id; a `GetAtt` looks for `LogicalId.Attribute`.
        """
        resolved = self._resolve(value, names or {})
        return None if resolved is _ABSENT else resolved

    def _resolve(self, value: Any, names: Mapping[str, Any]) -> Any:
        if isinstance(value, list):
            items = [self._resolve(item, names) for item in value]
            return [item for item in items if item is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (kind, argument), *_ = value.items()
            if kind == "Ref" or kind.startswith("Fn::"):
                return self._intrinsic(kind, argument, names)
        parts = {key: self._resolve(part, names) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not _ABSENT}

    def _intrinsic(self, kind: str, argument: Any, names: Mapping[str, Any]) -> Any:
        if kind == "Fn::If":
            condition, yes, no = argument
            return self._resolve(yes if self.holds(condition) else no, names)
        if kind == "Fn::Sub" and isinstance(argument, str):
            return self._substitute(argument, {}, names)
        argument = self._resolve(argument, names)
        match kind:
            case "Ref":
                return self._reference(argument, names)
            case "Fn::GetAtt":
                return names.get(".".join(argument), {kind: argument})
            case "Fn::FindInMap":
                first, second, third = argument[:3]
                return self._resolve(self.document["Mappings"][first][second][third], names)
            case "Fn::Sub":
                return self._substitute(argument[0], argument[1], names)
            case "Fn::Join" if all(isinstance(part, str) for part in argument[1]):
                return argument[0].join(argument[1])
            case "Fn::Select" if isinstance(argument[1], list):
                return argument[1][int(argument[0])]
        return {kind: argument}

    def _reference(self, name: str, names: Mapping[str, Any]) -> Any:
        pseudo = {
            "AWS::NoValue": _ABSENT,
            "AWS::Region": _REGION,
            "AWS::AccountId": _ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::StackName": f"craftkit-{self.stage}",
            "AWS::URLSuffix": "amazonaws.com",
        }
        for known in (names, self._parameters, pseudo):
            if name in known:
                return known[name]
        return {"Ref": name}

    def _substitute(self, text: str, extra: Json, names: Mapping[str, Any]) -> Any:
        """`Fn::Sub` resolved, or in its long form if it references a deployed resource."""
        result, rest = "", text
        while "${" in rest:
            before, _, after = rest.partition("${")
            name, _, rest = after.partition("}")
            if name.startswith("!"):
                result += before + "${" + name[1:] + "}"
                continue
            value = extra[name] if name in extra else self._named(name, names)
            if not isinstance(value, str | int | float):
                return {"Fn::Sub": [text, extra] if extra else text}
            result += before + str(value)
        return result + rest

    def _named(self, name: str, names: Mapping[str, Any]) -> Any:
        if "." in name:
            return names.get(name, {"Fn::GetAtt": name.split(".", 1)})
        return self._reference(name, names)

    def holds(self, condition: Any) -> bool:
        """Whether a condition, by name or by its expression, is true in this stage."""
        if isinstance(condition, str):
            return self.holds(self.document["Conditions"][condition])
        ((kind, argument),) = condition.items()
        match kind:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                first, second = (self._resolve(side, {}) for side in argument)
                # CloudFormation compares text: a number of a mapping equals its digits.
                return str(first) == str(second)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
        raise ValueError(f"unknown condition {kind}")


def _merged(shared: Any, own: Any) -> Any:
    """Globals under a resource: mappings merge, lists add up, the rest is the resource's."""
    if isinstance(shared, dict) and isinstance(own, dict):
        if _is_intrinsic(shared) or _is_intrinsic(own):
            return own
        return {
            key: _merged(shared[key], own[key])
            if key in shared and key in own
            else own.get(key, shared.get(key))
            for key in {**shared, **own}
        }
    if isinstance(shared, list) and isinstance(own, list):
        return [*shared, *own]
    return own


def _is_intrinsic(value: Json) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))
