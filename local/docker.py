"""Runs `sam local`: Lambda containers in Docker against a running `make dev`."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from deployment.build import kept_build
from deployment.stacks import parameters_of
from deployment.template import Json, read_template
from deployment.workspace import HOME, ROOT, TOOLS, TaskError, environment
from local.event_values import EXPECTED, complete
from local.front import Front
from local.stack import Deployed, running

DEFAULT_PORT = 3002
DASHBOARD = "DashboardFunction"
# The host's name for containers on Docker's default network.
_USUAL_GATEWAY = "172.17.0.1"
_PASSED = ("DOCKER_", "SAM_")
_WARM = ("--warm-containers", "LAZY")

NOT_LOCAL = {
    "check_deployment": "CodeDeploy calls it during a deployment, and the embedded AWS has no "
    "CodeDeploy. `make test TESTS=tests/functional/test_check_deployment.py` runs it.",
}
"""Functions that cannot end in success here, and why."""


def invoke(folder: str | None, arguments: Sequence[str] = (), home: Path = HOME) -> None:
    """Run the function of `functions/<folder>` in a container, on `events/<folder>.json`.

    The event is a copy with the project, the test key and the ids of the running stack. Prints the
    response.

    Args:
        arguments: further arguments of `sam local invoke`.

    Raises:
        TaskError: the function cannot run here, has raised, or answered with an error.
    """
    event = event_file(folder)
    if reason := NOT_LOCAL.get(event.stem):
        raise TaskError(f"{event.stem} cannot run here: {reason}")
    stack = running(home)
    filled = home / f"event-{event.stem}.json"
    filled.write_text(
        complete(event.stem, event.read_text(encoding="utf-8"), stack), encoding="utf-8"
    )
    wanted = ("invoke", function_of(event.stem), "--event", str(filled))
    printed = _sam_local(*wanted, *arguments, home=home)
    print(printed)
    if failure := failure_of(event.stem, printed):
        raise TaskError(f"{event.stem} failed: {failure}")


def failure_of(name: str, printed: str) -> str | None:
    """Why a function's response is a failure, for which `sam local invoke` itself exits with 0."""
    try:
        answer = json.loads(printed.strip().rpartition("\n")[2] or "null")
    except ValueError:
        return f"this is no response: {printed.strip()[-200:]}"
    if not isinstance(answer, dict):
        return None
    if "errorType" in answer or "errorMessage" in answer:
        return f"{answer.get('errorType', 'Error')}: {answer.get('errorMessage', '')}"
    status = answer.get("statusCode", 200)
    expected, _ = EXPECTED.get(name, (None, ""))
    is_failure = status != expected if expected else status >= 400
    return f"the response has the status {status}" if is_failure else None


def event_file(folder: str | None) -> Path:
    """The event of a function.

    Raises:
        TaskError: there is none of this name; lists the names.
    """
    event = ROOT / "events" / f"{folder}.json"
    if folder is None or not event.exists():
        known = ", ".join(sorted(path.stem for path in event.parent.glob("*.json")))
        wrong = f"There is no {event.relative_to(ROOT)}" if folder else "FUNCTION is missing"
        raise TaskError(f"{wrong}. FUNCTION is one of: {known}")
    return event


def serve(port: int | None, arguments: Sequence[str] = (), home: Path = HOME) -> None:
    """Serve the routes from containers, the authorizer included, until Ctrl-C.

    A container stays for the next call of its function, unless `arguments` say otherwise. Without
    the dashboard: `sam local` serves all APIs below one root, where the dashboard's
    `/{proxy+}` would answer the paths that no other API has.
    """
    port = port or DEFAULT_PORT
    warm = () if any("--warm-containers" in each for each in arguments) else _WARM
    wanted = ("start-api", "--port", str(port), *warm)
    _sam_local(*wanted, *arguments, without=DASHBOARD, port=port, home=home)


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


def public_addresses(port: int) -> dict[str, str]:
    """The variables with the addresses that callers and browsers see, for routes on this port."""
    return {"PUBLIC_URL": f"http://localhost:{port}", "EMBED_ORIGIN": f"http://127.0.0.1:{port}"}


def write_environment(
    deployed: Deployed,
    path: Path,
    endpoint: str | None = None,
    changes: Mapping[str, str] | None = None,
) -> Path:
    """Write the file for `sam local --env-vars`: the deployed variables of each function.

    Args:
        changes: other values for variables that a function has.
        endpoint: the embedded AWS as containers reach it, with an IP address, so that boto3 does
            not put the bucket's name before the host; by default, Docker's usual gateway.
    """
    endpoint = endpoint or f"http://{_USUAL_GATEWAY}:{urlsplit(deployed.endpoint).port}"
    functions = deployed.client("lambda")
    variables: dict[str, dict[str, str]] = {}
    for logical_id, name in deployed.physical_ids("AWS::Lambda::Function").items():
        configuration = functions.get_function_configuration(FunctionName=name)
        own = configuration.get("Environment", {}).get("Variables", {})
        changed = {name: value for name, value in (changes or {}).items() if name in own}
        variables[logical_id] = own | changed | {"AWS_ENDPOINT_URL": endpoint}
    path.write_text(json.dumps(variables, indent=2) + "\n", encoding="utf-8")
    return path


def open_relay(gateway: str, upstream: tuple[str, int]) -> Front:
    """A proxy to the embedded AWS on Docker's network: containers cannot reach loopback.

    Each command has its own, on a free port, so that several can run at the same time.

    Raises:
        TaskError: the address is not one of this machine.
    """
    try:
        return Front(0, upstream, lambda path: path, host=None, addresses=(gateway,))
    except OSError as error:
        raise TaskError(
            f"Docker's address {gateway} is not an address of this machine ({error.strerror}), so "
            "containers cannot reach the stack. This is so with Docker Desktop, with rootless "
            "Docker and with a daemon on another machine: run `sam local` where the daemon runs."
        ) from error


def _sam_local(
    command: str,
    *arguments: str,
    home: Path,
    without: str | None = None,
    port: int | None = None,
) -> str:
    """Run the command to its end. Returns what it printed, if `port` is None."""
    stack = running(home)
    gateway = _gateway()
    deployed = Deployed("local", stack.aws_endpoint_url)
    address = urlsplit(stack.aws_endpoint_url)
    with ExitStack() as stopping:
        build = stopping.enter_context(kept_build())
        relay = open_relay(gateway, (str(address.hostname), int(address.port or 80)))
        stopping.callback(relay.stop)
        endpoint = f"http://{gateway}:{relay.port}"
        addresses = public_addresses(port) if port else {}
        file = home / f"sam-env-{command}.json"
        variables = write_environment(deployed, file, endpoint, addresses)
        known = deployed.outputs | {
            "Stage": "local",
            "AwsEndpointUrl": endpoint,
            "PublicUrl": stack.api_url,
            "PagesUrl": stack.api_url,
            "EmbedUrl": stack.embed_url,
        }
        template = build / "template.yaml"
        parameters = parameters_of(template, known)
        if without:
            left = without_function(read_template(template), without)
            template = (
                build / "sam-local.json"
            )  # in the same folder as the build's template, whose paths are relative
            template.write_text(json.dumps(left), encoding="utf-8")
        done = subprocess.run(
            [
                TOOLS / "sam" / "bin" / "sam", "local", command,
                "--template", template, "--env-vars", variables,
                *arguments,
                "--parameter-overrides",
                *(f"{name}={value}" for name, value in parameters.items()),
            ],
            cwd=ROOT,
            env=environment() | passed_variables(),
            stdout=None if port else subprocess.PIPE,
            text=True,
        )  # fmt: skip
    if done.returncode != 0:
        raise TaskError(f"sam local {command} failed. Its output is above.\n{done.stdout or ''}")
    return done.stdout or ""


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


def passed_variables() -> dict[str, str]:
    """The variables of Docker and SAM, such as DOCKER_HOST and SAM_SKIP_PULL_IMAGE."""
    return {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
