"""Runs `sam local`: Lambda containers in Docker against a running `make dev`."""

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from deployment.build import build_for_host
from deployment.stacks import parameters_of
from deployment.template import Json, read_template
from deployment.workspace import HOME, ROOT, TOOLS, TaskError, environment
from local.front import Front
from local.stack import Deployed, running

DEFAULT_PORT = 3002
DASHBOARD = "DashboardFunction"
# The host's name for containers on Docker's default network.
_USUAL_GATEWAY = "172.17.0.1"


def invoke(folder: str) -> None:
    """Run the function of `functions/<folder>` in a container, on `events/<folder>.json`."""
    event = ROOT / "events" / f"{folder}.json"
    if not event.exists():
        known = ", ".join(sorted(path.stem for path in event.parent.glob("*.json")))
        raise TaskError(f"There is no {event.relative_to(ROOT)}. FUNCTION is one of: {known}")
    _sam_local("invoke", function_of(folder), "--event", str(event))


def serve(port: int | None) -> None:
    """Serve the routes from containers, the authorizer included, until Ctrl-C.

    Without the dashboard: `sam local` serves all APIs below one root, where the dashboard's
    `/{proxy+}` would answer the paths that no other API has.
    """
    _sam_local("start-api", "--port", str(port or DEFAULT_PORT), without=DASHBOARD)


def without_function(template: Json, function: str) -> Json:
    """A copy of a template in which a function has no events."""
    resources = dict(template["Resources"])
    properties = {k: v for k, v in resources[function]["Properties"].items() if k != "Events"}
    resources[function] = {**resources[function], "Properties": properties}
    return {**template, "Resources": resources}


def function_of(folder: str) -> str:
    """The logical id of the first function whose code is in the folder."""
    resources = read_template(ROOT / "template.yaml")["Resources"]
    for name, resource in resources.items():
        if resource.get("Properties", {}).get("CodeUri") == f"functions/{folder}":
            return str(name)
    raise TaskError(f"No function of template.yaml has its code in functions/{folder}.")


def write_environment(deployed: Deployed, home: Path, gateway: str = _USUAL_GATEWAY) -> Path:
    """Write the file for `sam local --env-vars`: the deployed variables of each function.

    The endpoint has an IP address, so that boto3 does not put the bucket's name before the host.
    """
    port = urlsplit(deployed.endpoint).port
    functions = deployed.client("lambda")
    variables: dict[str, dict[str, str]] = {}
    for logical_id, name in deployed.physical_ids("AWS::Lambda::Function").items():
        configuration = functions.get_function_configuration(FunctionName=name)
        own = configuration.get("Environment", {}).get("Variables", {})
        variables[logical_id] = own | {"AWS_ENDPOINT_URL": f"http://{gateway}:{port}"}
    path = home / "sam-env.json"
    path.write_text(json.dumps(variables, indent=2) + "\n", encoding="utf-8")
    return path


def _sam_local(command: str, *arguments: str, without: str | None = None) -> None:
    stack = running(HOME)
    gateway = _gateway()
    build = build_for_host()
    deployed = Deployed("local", stack.aws_endpoint_url)
    variables = write_environment(deployed, HOME, gateway)
    address = urlsplit(stack.aws_endpoint_url)
    upstream = (str(address.hostname), int(address.port or 80))
    known = deployed.outputs | {
        "Stage": "local",
        "AwsEndpointUrl": f"http://{gateway}:{upstream[1]}",
        "PublicUrl": stack.api_url,
        "PagesUrl": stack.api_url,
        "EmbedUrl": stack.embed_url,
    }
    template = build / "template.yaml"
    parameters = parameters_of(template, known)
    if without:
        left = without_function(read_template(template), without)
        template = build / "sam-local.json"  # beside the build's, whose paths are relative
        template.write_text(json.dumps(left), encoding="utf-8")
    with ExitStack() as stopping:
        # Containers cannot reach loopback, so this proxy listens on Docker's network.
        relay = Front(upstream[1], upstream, lambda path: path, host=None, addresses=(gateway,))
        stopping.callback(relay.stop)
        done = subprocess.run(
            [
                TOOLS / "sam" / "bin" / "sam", "local", command, *arguments,
                "--template", template, "--env-vars", variables,
                "--parameter-overrides",
                *(f"{name}={value}" for name, value in parameters.items()),
            ],
            cwd=ROOT,
            env=environment() | _docker_variables(),
        )  # fmt: skip
    if done.returncode != 0:
        raise TaskError(f"sam local {command} failed. Its output is above.")


def _gateway() -> str:
    """This machine's address on Docker's default network."""
    inspect = [
        "docker", "network", "inspect", "bridge",
        "--format", "{{(index .IPAM.Config 0).Gateway}}",
    ]  # fmt: skip
    try:
        done = subprocess.run(inspect, capture_output=True, text=True)
    except FileNotFoundError:
        raise TaskError(
            "`sam local` needs Docker. Install Docker, or use `make dev` without it."
        ) from None
    if done.returncode != 0:
        raise TaskError(f"The Docker daemon cannot be reached: {done.stderr.strip()}")
    return done.stdout.strip() or _USUAL_GATEWAY


def _docker_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
