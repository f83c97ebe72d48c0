"""Validates IAM policies with parliament, and API definitions with an OpenAPI validator.

Runs with the scanners' own Python and the expanded templates as arguments. Prints each error.
"""

import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator  # noqa: E402
from parliament import analyze_policy_string  # noqa: E402

Json = dict[str, Any]

_AT = "us-east-1:123456789012"
# The value of a reference in a policy, by the end of its name.
_ARNS = {
    "TableStreamArn": f"arn:aws:dynamodb:{_AT}:table/it/stream/it",
    "TableArn": f"arn:aws:dynamodb:{_AT}:table/it",
    "Table": f"arn:aws:dynamodb:{_AT}:table/it",
    "BucketArn": "arn:aws:s3:::bucket-of-it",
    "Secret": f"arn:aws:secretsmanager:{_AT}:secret:it-123456",
    "VaultKey": f"arn:aws:kms:{_AT}:key/12345678-1234-1234-1234-123456789012",
    "SealKey": f"arn:aws:kms:{_AT}:key/12345678-1234-1234-1234-123456789012",
    "UserPoolArn": f"arn:aws:cognito-idp:{_AT}:userpool/us-east-1_123456789",
    "Queue": f"arn:aws:sqs:{_AT}:it",
    "Aliaslive": f"arn:aws:lambda:{_AT}:function:it:live",
    "Function": f"arn:aws:lambda:{_AT}:function:it",
    "Role": "arn:aws:iam::123456789012:role/it",
}
# Findings that AWS's documentation contradicts: the action, and the page that shows its resource.
_DOCUMENTED = {
    "dynamodb:ListStreams": (
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
        "iam-policy-read-stream-only.html"
    ),
    "codedeploy:PutLifecycleEventHookExecutionStatus": (
        "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/"
        "automating-updates-to-serverless-apps.html"
    ),
}


def main(paths: list[Path]) -> None:
    for path in paths:
        resources: Json = json.loads(path.read_text(encoding="utf-8"))["Resources"]
        for name, resource in resources.items():
            for fault in (*_of_policies(resource), *_of_definition(resource)):
                sys.stdout.write(f"{path.name}: {name}: {fault}\n")


def _of_policies(resource: Json) -> Iterator[str]:
    if resource["Type"] != "AWS::IAM::Role":
        return
    for policy in resource["Properties"].get("Policies", []):
        if "PolicyDocument" not in policy:
            continue
        document = _literal({"Version": "2012-10-17", **policy["PolicyDocument"]})
        for finding in analyze_policy_string(json.dumps(document)).findings:
            if not _is_documented(finding.detail):
                yield f"{finding.issue} {finding.detail} {finding.location}"


def _is_documented(detail: Any) -> bool:
    return isinstance(detail, list) and all(
        isinstance(each, dict) and each.get("action") in _DOCUMENTED for each in detail
    )


def _of_definition(resource: Json) -> Iterator[str]:
    body = resource.get("Properties", {}).get("Body")
    if not body:
        return
    kind = OpenAPIV2SpecValidator if "swagger" in body else OpenAPIV30SpecValidator
    for error in kind(_completed(_literal(body))).iter_errors():
        yield f"{'/'.join(map(str, error.path))}: {error.message}"[:300]


def _completed(body: Json) -> Json:
    """The definition with what SAM leaves out of every operation, and API Gateway does not need."""
    kind = {"schema": {"type": "string"}} if "openapi" in body else {"type": "string"}
    for path, operations in body["paths"].items():
        parameters = [
            {"name": name, "in": "path", "required": True, **kind}
            for name in re.findall(r"\{(\w+)\+?\}", path)
        ]
        for operation in operations.values():
            operation["responses"] = {"default": {"description": "Any answer."}}
            operation["parameters"] = parameters
    return body


def _literal(value: Any) -> Any:
    """`value` with a possible value in place of each intrinsic function."""
    if isinstance(value, list):
        return [_literal(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((kind, argument),) = value.items()
        if kind == "Ref":
            return _named(argument)
        if kind == "Fn::GetAtt":
            return _named(argument[0] if isinstance(argument, list) else argument.split(".")[0])
        if kind == "Fn::Sub":
            text = argument if isinstance(argument, str) else argument[0]
            return re.sub(r"\$\{([^}]+)\}", lambda found: _named(found[1].split(".")[0]), text)
        if kind == "Fn::If":
            return _literal(argument[1])
    return {key: _literal(each) for key, each in value.items()}


def _named(name: str) -> str:
    known = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
    if name in known:
        return known[name]
    for end, arn in _ARNS.items():
        if name.endswith(end):
            return arn
    return "it"


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
