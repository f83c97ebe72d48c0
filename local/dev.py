"""`make dev` and `make stage`: run a stack until Ctrl-C, and then stop all of its processes."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from deployment.build import build_for_host, fingerprint
from deployment.workspace import HOME, ROOT, TaskError
from local import emulator
from local.deploy import deploy
from local.docker import write_environment
from local.emulator import Emulator
from local.front import Front, Route
from local.logs import shown_on_failure
from local.seed import render_invoice, seed
from local.stack import Deployed, Stack, file_of, running

DEFAULT_PORT = 3000
DEFAULT_STAGE_PORT = 3001
_SILENCE_SECONDS = 30
"""How long the embedded AWS may leave checks unanswered on a busy machine."""
DEFAULT_AWS_PORT = 4566

_DASHBOARD = "/dashboard"
_EMBED = ("/embed",)
# Cognito's hosted pages: on AWS they have their own host, on the embedded AWS root paths.
_SIGN_IN = ("/oauth2/authorize", "/login", "/logout")


def dev(port: int | None, aws_port: int | None, home: Path) -> None:
    """Run the local stack in the foreground.

    Args:
        home: the folder for its files; tests use another one than `.local`.

    Raises:
        TaskError: the stack could not be started. All of its processes were stopped.
    """
    port = _wanted_port(port or DEFAULT_PORT, "PORT")
    steps = Steps()
    with _until_stopped(), contextlib.ExitStack() as stopping:
        stopping.callback(file_of("local", home).unlink, missing_ok=True)
        aws = Emulator(_aws_port(aws_port), home)
        stopping.callback(aws.stop)
        with steps("Building"):
            build = build_for_host()
            aws.wait_until_ready()
        stack = _serve(build, "local", aws.url, port, home, steps, stopping)
        print(_summary(stack, _pdf(home), steps), flush=True)
        while aws.is_running:
            time.sleep(0.5)
        raise aws.failure()


def stage(name: str, port: int | None, home: Path) -> None:
    """Run a further stage on the embedded AWS of a running `make dev`.

    Raises:
        TaskError: `make dev` does not run, or the stage could not be started.
    """
    port = _wanted_port(port or DEFAULT_STAGE_PORT, "PORT")
    local = running(home)
    steps = Steps()
    with _until_stopped(), contextlib.ExitStack() as stopping:
        stopping.callback(file_of(name, home).unlink, missing_ok=True)
        with steps("Building"):
            build = build_for_host()
        stack = _serve(build, name, local.aws_endpoint_url, port, home, steps, stopping)
        print(_summary(stack, _pdf(home, name), steps), flush=True)
        answered = time.monotonic()
        while time.monotonic() < answered + _SILENCE_SECONDS:
            if emulator.is_answering(local.aws_endpoint_url):
                answered = time.monotonic()
            time.sleep(2)
        raise TaskError("The embedded AWS of `make dev` stopped, so this stage stopped too.")


def is_current(home: Path) -> bool:
    """Whether the stack that runs from `home` was built from the current sources."""
    marker = home / "deployed.txt"
    return marker.exists() and marker.read_text() == fingerprint()


def route_of(deployed: Deployed) -> Route:
    """A function that maps each path of the proxy to a path of the embedded AWS."""
    apis = deployed.physical_ids("AWS::ApiGateway::RestApi")

    def route(path: str) -> str:
        if _is_below(path, _SIGN_IN):
            return path
        if _is_below(path, (_DASHBOARD,)):
            # The host's base path is the stage's name, as with a domain on AWS.
            page = path.removeprefix(_DASHBOARD)
            page = page if page.startswith("/") else f"/{page}"
            return f"/restapis/{apis['DashboardApi']}/dashboard/_user_request_{page}"
        api = apis["EmbedApi" if _is_below(path, _EMBED) else "Api"]
        return f"/restapis/{api}/{deployed.stage}/_user_request_{path}"

    return route


def _is_below(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith((f"{place}/", f"{place}?")) for place in places)


class Steps:
    """Prints each step and its duration."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        print(f"  {name:<28}", end="", flush=True)
        started = time.monotonic()
        yield
        print(f"{time.monotonic() - started:5.1f} s", flush=True)


def _serve(
    build: Path,
    name: str,
    endpoint: str,
    port: int,
    home: Path,
    steps: Steps,
    stopping: contextlib.ExitStack,
) -> Stack:
    """Deploy a stage, start its proxy, create the demo data, and render the first invoice."""
    api_url = f"http://localhost:{port}"
    with steps("Deploying"):
        deployed = deploy(build, name, endpoint=endpoint, public_url=api_url, home=home)
    address = urlsplit(endpoint)
    upstream = (str(address.hostname), int(address.port or 80))
    front = Front(port, upstream, route_of(deployed), host=f"localhost:{port}")
    stopping.callback(front.stop)
    with shown_on_failure(endpoint, home):
        with steps("Seeding"):
            stack = seed(deployed, api_url)
        with steps("Rendering an invoice"):
            render_invoice(stack, _pdf(home, name))
    if name == "local":
        write_environment(deployed, home / "sam-env.json")
        (home / "deployed.txt").write_text(build.name)
    stack.write(home)
    return stack


def _pdf(home: Path, stage: str = "local") -> Path:
    """The path of the first invoice: `out/invoice.pdf` for the stack of `make dev`."""
    name = "invoice.pdf" if stage == "local" else f"invoice.{stage}.pdf"
    return (ROOT / "out" if home == HOME else home / "out") / name


def _wanted_port(port: int, variable: str) -> int:
    if not emulator.is_free(port):
        raise TaskError(
            f"Port {port} is in use. Stop the program that uses it, or set another port: "
            f"{variable}={port + 10} make …"
        )
    return port


def _aws_port(wanted: int | None) -> int:
    """The requested port, or the default port, or a free one if the default is in use."""
    if wanted is not None:
        return _wanted_port(wanted, "AWS_PORT")
    return DEFAULT_AWS_PORT if emulator.is_free(DEFAULT_AWS_PORT) else emulator.free_port()


@contextlib.contextmanager
def _until_stopped() -> Iterator[None]:
    """Stop without an error on Ctrl-C, SIGTERM and SIGHUP, also in a background shell."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the ending is under way
        raise KeyboardInterrupt

    handler: Callable[[int, FrameType | None], None] = stop
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)
    try:
        yield
    except KeyboardInterrupt:
        print("\n  Stopped.", flush=True)


def _summary(stack: Stack, pdf: Path, steps: Steps) -> str:
    shown = pdf.relative_to(ROOT) if pdf.is_relative_to(ROOT) else pdf
    data = (
        '{"data": {"customer": {"name": "Ada Lovelace"}, "total": 42, '
        '"items": [{"name": "Engine notes", "qty": 1, "price": 42}]}, "options": {"sync": true}}'
    )
    user = stack.dashboard_user
    sign_in = f"\n  Sign in  {user['email']}  {user['password']}" if user else ""
    dashboard = f"\n  Dashboard {stack.dashboard_url}{sign_in}" if user else ""
    return f"""
  Craftkit is at {stack.api_url} (stage {stack.stage}, {steps.seconds:.0f} s). {shown} is the first document.{dashboard}

  Try next, in another terminal:

    export CRAFTKIT_API_KEY={stack.live_key}
    curl {stack.api_url}/v1/renders -H "Authorization: Bearer $CRAFTKIT_API_KEY"
    curl {stack.api_url}/v1/templates/invoice/render -H "Authorization: Bearer $CRAFTKIT_API_KEY" \\
      -H "Content-Type: application/json" -d '{data}'
    .venv/bin/craftkit --stage {stack.stage} keys list --project {stack.project_id}

  The test key is in {file_of(stack.stage, Path(".local"))}. Ctrl-C stops everything.
"""  # noqa: E501 commands that are copied stay on their line
