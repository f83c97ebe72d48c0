"""Deploys to the embedded AWS: `sam deploy`, and steps that the embedded AWS needs in addition."""

import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployment.artifacts import PACKED_TEMPLATE
from deployment.digest import write_with_digests
from deployment.stacks import Part, built_template, has_resources, outputs_of, parameters_of
from deployment.template import read_template
from deployment.workspace import ROOT, TOOLS, TaskError, environment, run
from local.stack import Deployed, embed_url_of, session

_POLL_SECONDS = 0.2
_DEPLOY_SECONDS = 120


def deploy(build: Path, stage: str, *, endpoint: str, public_url: str, home: Path) -> Deployed:
    """Deploy the build for this machine to the embedded AWS, as this stage.

    Raises:
        TaskError: the deployment failed. The message has SAM's log or CloudFormation's reason.
    """
    # Locally, one origin serves the API and the dashboard; the embedded page has its own host.
    given = {"Stage": stage, "AwsEndpointUrl": endpoint}
    given |= {"PublicUrl": public_url, "PagesUrl": public_url}
    given |= {"EmbedUrl": embed_url_of(public_url)}
    given |= {"SealKeySpec": "ECC_NIST_P256"}
    # A name that never resolves (RFC 6761): a stage on this machine calls no public host.
    given |= {"ScannerKeysUrl": "https://scanner-keys.invalid/"}
    cloudformation = session().client("cloudformation", endpoint_url=endpoint)
    known: dict[str, str] = {}
    for part in Part:
        template = built_template(part, build)
        parameters = parameters_of(template, known | given)
        if part is Part.APPLICATION:
            _sam_deploy(build, stage, parameters, endpoint, home)
        elif has_resources(template, parameters):
            deploy_plain(cloudformation, part.stack_name(stage), template, parameters)
        else:
            continue
        known |= outputs_of(cloudformation, part.stack_name(stage))
    deployed = Deployed(stage, endpoint)
    complete_gateways(deployed)
    return deployed


def deploy_plain(
    cloudformation: Any, stack_name: str, template: Path, parameters: dict[str, str]
) -> None:
    """Create or update a stack whose template SAM does not transform.

    Raises:
        TaskError: the deployment failed. The message has CloudFormation's reason.
    """
    wanted = {
        "StackName": stack_name,
        "TemplateBody": template.read_text(encoding="utf-8"),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    }
    try:
        cloudformation.create_stack(**wanted)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**wanted)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            return
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        if "ROLLBACK" in status or status.endswith("_FAILED"):
            reason = stack.get("StackStatusReason", status)
            raise TaskError(f"CloudFormation did not deploy {stack_name}: {reason}")
        time.sleep(_POLL_SECONDS)
    raise TaskError(f"CloudFormation did not deploy {stack_name} in {_DEPLOY_SECONDS} s.")


def _sam_deploy(
    build: Path, stage: str, parameters: dict[str, str], endpoint: str, home: Path
) -> None:
    packed = build / PACKED_TEMPLATE
    digested = write_with_digests(packed, parameters, build / f"packed.{stage}.json")
    run(
        [
            TOOLS / "sam" / "bin" / "sam", "deploy",
            "--config-file", ROOT / "samconfig.toml", "--config-env", "local",
            "--template-file", digested,
            "--stack-name", Part.APPLICATION.stack_name(stage), "--no-progressbar",
            "--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items()),
        ],
        log=home / "logs" / f"deploy-{stage}.log",
        env=environment(endpoint) | {"SAM_CLI_POLL_DELAY": "0.5"},
    )  # fmt: skip


def complete_gateways(deployed: Deployed) -> None:
    """Create the REST APIs' ANY methods and gateway responses, which the embedded AWS ignores in
    their definitions. They are read from template.yaml.
    """
    gateway = deployed.client("apigateway")
    for name, api in deployed.physical_ids("AWS::ApiGateway::RestApi").items():
        _put_any_methods(deployed, name, api)
        for kind, response in gateway_responses(name).items():
            gateway.put_gateway_response(restApiId=api, responseType=kind, **response)
        (stage,) = gateway.get_stages(restApiId=api)["item"]
        gateway.create_deployment(restApiId=api, stageName=stage["stageName"])


def _put_any_methods(deployed: Deployed, name: str, api: str) -> None:
    gateway = deployed.client("apigateway")
    functions = deployed.physical_ids("AWS::Lambda::Function")
    pages = gateway.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
    resources = {each["path"]: each for page in pages for each in page["items"]}
    for function, paths in any_paths(name).items():
        alias = deployed.client("lambda").get_alias(FunctionName=functions[function], Name="live")
        prefix = f"arn:aws:apigateway:{gateway.meta.region_name}:lambda:path/2015-03-31/functions"
        uri = f"{prefix}/{alias['AliasArn']}/invocations"
        for path in paths:
            if "ANY" in resources[path].get("resourceMethods", {}):
                continue
            method = {"restApiId": api, "resourceId": resources[path]["id"], "httpMethod": "ANY"}
            gateway.put_method(**method, authorizationType="NONE")
            gateway.put_integration(
                **method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri
            )


def any_paths(api: str) -> dict[str, list[str]]:
    """A REST API's paths with an ANY method, by function: of its events, and of its definition.

    Args:
        api: logical id.
    """
    paths: dict[str, list[str]] = {}
    resources = read_template(ROOT / "template.yaml")["Resources"]
    for name, resource in resources.items():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] != "Api" or event["Properties"]["Method"].upper() != "ANY":
                continue
            if event["Properties"]["RestApiId"] == {"Ref": api}:
                paths.setdefault(name, []).append(event["Properties"]["Path"])
    definition = resources[api]["Properties"].get("DefinitionBody", {"paths": {}})
    for path, methods in definition["paths"].items():
        uri = methods["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"]
        name = uri["Fn::Sub"].partition("functions/${")[2].partition(".")[0]
        paths.setdefault(name, []).append(path)
    return paths


def gateway_responses(name: str) -> dict[str, dict[str, Any]]:
    """`put_gateway_response`'s arguments by response type, from a REST API of the template."""
    api = read_template(ROOT / "template.yaml")["Resources"][name]
    return {
        kind: _arguments(response)
        for kind, response in api["Properties"]["GatewayResponses"].items()
    }


def _arguments(response: dict[str, Any]) -> dict[str, Any]:
    headers = response.get("ResponseParameters", {}).get("Headers", {})
    arguments: dict[str, Any] = {
        "responseTemplates": response.get("ResponseTemplates", {}),
        "responseParameters": {
            f"gatewayresponse.header.{name}": value for name, value in headers.items()
        },
    }
    if "StatusCode" in response:
        arguments["statusCode"] = str(response["StatusCode"])
    return arguments
