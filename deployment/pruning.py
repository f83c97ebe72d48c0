"""Deletes old function versions: each is stored, and with SnapStart billed by the hour."""

from typing import Any

import boto3

from deployment.stacks import stack_name

ALIAS = "live"
KEPT = 2
"""Versions kept for each function: the current one, and the previous one for a manual rollback."""


def prune(stage: str) -> int:
    """Delete the old versions of the stage's functions. Returns their number."""
    cloudformation, lambda_ = boto3.client("cloudformation"), boto3.client("lambda")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=stack_name(stage)
    )
    functions = [
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    return sum(_prune_function(lambda_, function) for function in functions)


def _prune_function(lambda_: Any, function: str) -> int:
    alias = lambda_.get_alias(FunctionName=function, Name=ALIAS)
    shares = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    called = {alias["FunctionVersion"], *shares}
    pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    numbers = sorted(
        (
            each["Version"]
            for page in pages
            for each in page["Versions"]
            if each["Version"] != "$LATEST"
        ),
        key=int,
        reverse=True,
    )
    old = [number for number in numbers[KEPT:] if number not in called]
    for number in old:
        lambda_.delete_function(FunctionName=function, Qualifier=number)
    return len(old)
