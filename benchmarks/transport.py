"""Compares `craftkit.http` and `craftkit.openapi` with Powertools' resolver, cold and warm.

Both functions do the same for one call: read the body as a RenderRequest, answer with the same
JSON, write one log line and one metric. See docs/decisions/transport.md.
"""

import importlib.util
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cold_start import first_invocation, variables_of
from benchmarks.measurement import Result, medians
from deployment.build import build_for_host
from deployment.workspace import ROOT

ROUNDS = 15
WARM_CALLS = 300

_OURS = """
from craftkit.http import Request, Response, endpoint
from craftkit.renders.models import RenderRequest

@endpoint
def handler(request: Request) -> Response:
    body = request.model(RenderRequest)
    return Response(202, {"slug": request.path("slug"), "fields": len(body.data)})
"""
_POWERTOOLS = """
from typing import Any
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from craftkit.observability import count, logger
from craftkit.renders.models import RenderRequest

app = APIGatewayRestResolver(enable_validation=True)

@app.post("/v1/templates/<slug>/render")
def create_render(slug: str, body: RenderRequest) -> tuple[dict[str, Any], int]:
    return {"slug": slug, "fields": len(body.data)}, 202

@logger.inject_lambda_context(clear_state=True)
def handler(event, context):
    answer = app.resolve(event, context)
    logger.info("answered", status=answer["statusCode"])
    count("Answered", route="POST /v1/templates/{slug}/render", code="ok")
    return answer
"""
_EMPTY = "def handler(event, context):\n    return {}\n"


def measure() -> Iterable[Result]:
    layers = [str(build_for_host() / "CraftkitLayer" / "python")]
    event = json.loads((ROOT / "events" / "create_render.json").read_text(encoding="utf-8"))
    environment = variables_of("CreateRenderFunction")
    with TemporaryDirectory() as home:
        folders = {}
        for name, code in (("empty", _EMPTY), ("ours", _OURS), ("powertools", _POWERTOOLS)):
            folders[name] = Path(home) / name
            folders[name].mkdir()
            (folders[name] / "app.py").write_text(code)

        def cold(name: str) -> Callable[[], float]:
            def one() -> float:
                elapsed, answer = first_invocation(folders[name], layers, environment, event)
                if name != "empty" and '"statusCode": 202' not in answer:
                    raise RuntimeError(f"{name} answered: {answer}")
                return elapsed

            return one

        empty, ours, powertools = medians(
            cold("empty"), cold("ours"), cold("powertools"), rounds=ROUNDS
        )
        os.environ |= environment | {"POWERTOOLS_LOG_LEVEL": "CRITICAL"}
        warm_ours, warm_powertools = medians(
            _warm(folders["ours"], event), _warm(folders["powertools"], event), rounds=ROUNDS
        )
    yield Result(
        "transport.cold",
        ours,
        "ms",
        baseline=("Powertools' resolver", powertools),
        note=f"first invocation; an empty handler takes {empty:.0f} ms",
    )
    yield Result(
        "transport.warm",
        warm_ours,
        "ms",
        baseline=("Powertools' resolver", warm_powertools),
        note="one call of a warm handler, without AWS",
    )


class _Context:
    function_name = function_version = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "0"


def _warm(folder: Path, event: Any) -> Callable[[], float]:
    """The mean time of a call, in milliseconds."""
    spec = importlib.util.spec_from_file_location(f"transport_{folder.name}", folder / "app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)

    def one() -> float:
        with redirect_stdout(io.StringIO()):
            started = time.perf_counter()
            for _ in range(WARM_CALLS):
                module.handler(event, _Context())
            return (time.perf_counter() - started) * 1000 / WARM_CALLS

    return one
