"""template.yaml as the tests read it: intrinsic functions worked out for one stage.

What CloudFormation would only know after a deploy (a Ref to a resource, its ARN) stays in its long
form, `{"Ref": …}` or `{"Fn::GetAtt": …}`, until `Template.resolve` is given names for it.
"""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from deployment.template import Json, read_template

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-1"

_ABSENT = object()


class Template:
    """The template in one stage.

    Args:
        parameters: what a deploy would override, `Stage` first of all.
    """

    def __init__(self, document: Json, **parameters: str) -> None:
        self.document = document
        self._parameters = {
            name: parameters.get(name, definition.get("Default", ""))
            for name, definition in document.get("Parameters", {}).items()
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
            if "Condition" not in resource or self._condition(resource["Condition"])
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
        """`value` with everything worked out that can be.

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
            return self._resolve(yes if self._condition(condition) else no, names)
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
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::StackName": f"craftkit-{self.stage}",
            "AWS::URLSuffix": "amazonaws.com",
        }
        for known in (names, self._parameters, pseudo):
            if name in known:
                return known[name]
        return {"Ref": name}

    def _substitute(self, text: str, extra: Json, names: Mapping[str, Any]) -> Any:
        """`Fn::Sub`, or its long form again when it names what only a deploy would know."""
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

    def _condition(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._condition(self.document["Conditions"][condition])
        ((kind, argument),) = condition.items()
        match kind:
            case "Condition":
                return self._condition(argument)
            case "Fn::Equals":
                first, second = (self._resolve(side, {}) for side in argument)
                return bool(first == second)
            case "Fn::Not":
                return not self._condition(argument[0])
            case "Fn::And":
                return all(map(self._condition, argument))
            case "Fn::Or":
                return any(map(self._condition, argument))
        raise ValueError(f"unknown condition {kind}")


@cache
def _document() -> Json:
    return read_template(ROOT / "template.yaml")


@cache
def template(stage: str = "local") -> Template:
    """template.yaml as a deploy of the stage would see it."""
    parameters = {"Stage": stage}
    if stage == "local":
        parameters["AwsEndpointUrl"] = "http://127.0.0.1:4566"
        parameters["PublicUrl"] = parameters["PagesUrl"] = "http://localhost:3000"
    return Template(_document(), **parameters)


def statements(properties: Json) -> Iterator[Json]:
    """The inline policy statements of a function, whichever way SAM lets one write them."""
    policies = properties.get("Policies", [])
    for policy in policies if isinstance(policies, list) else [policies]:
        if isinstance(policy, dict) and "Statement" in policy:
            found = policy["Statement"]
            yield from found if isinstance(found, list) else [found]


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
