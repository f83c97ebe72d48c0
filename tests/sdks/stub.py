"""A fake of the API on loopback for the SDKs, with faults before and after a call's work."""

import json
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

PDF = b"%PDF-1.7 stub"


class Stub:
    """Listens until `stop`.

    Args:
        fault_rate: of the calls that make a render, how many fail: half of them before the render
            is made, half after it, by an error or by hanging up.
        polls: how often a render is read before it has succeeded.
    """

    def __init__(self, fault_rate: float = 0.0, polls: int = 1, seed: int = 1) -> None:
        self.batch: dict[str, Any] = {}
        self.renders: dict[str, dict[str, Any]] = {}
        self.by_key: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self.answers: list[tuple[int, Any, dict[str, str]]] = []
        self.failure: tuple[str, str] | None = None
        self._rate, self._polls, self._random = fault_rate, polls, random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        """Return this response once, before others."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, body, named))

    def respond(
        self, method: str, path: str, headers: dict[str, str], body: Any
    ) -> tuple[int | None, Any, dict[str, str]]:
        """Status, body and headers; a status of None closes the connection."""
        with self._lock:
            self.calls[f"{method} {path.split('?')[0]}"] += 1
            self.headers.append(headers)
            self.bodies.append(body)
            if self.answers:
                return self.answers.pop(0)
            if method == "POST" and path.endswith("/render"):
                fault = self._random.random() < self._rate and self._random.choice(
                    ["503 before", "hang up before", "500 after", "hang up after"]
                )
                if fault and fault.endswith("before"):
                    return self._fault(fault)
                render = self._create(path.split("/")[3], headers, body)
                return self._fault(fault) if fault else (202, render, {})
            return self._read(method, path)

    def _fault(self, fault: str) -> tuple[int | None, Any, dict[str, str]]:
        if fault.startswith("hang"):
            return None, None, {}
        status = int(fault[:3])
        return status, error("internal", "A fault."), {"Retry-After": "0"}

    def _create(self, slug: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
        key = headers.get("idempotency-key") or body["jobId"]
        if key not in self.by_key:
            id_ = str(uuid4())
            self.by_key[key] = id_
            self.renders[id_] = _render(id_, slug, self.url) | {"polls": self._polls}
        return self._view(self.by_key[key])

    def _read(self, method: str, path: str) -> tuple[int | None, Any, dict[str, str]]:
        plain = path.split("?")[0]
        if plain.startswith("/document/"):
            return 200, PDF, {}
        if plain == "/upload" or plain.startswith("/v1/batches"):
            return self._batch(method, plain)
        if plain == "/v1/renders":
            ids = list(self.renders)
            at = int(path.partition("cursor=")[2].split("&")[0] or 0)
            more = str(at + 2) if at + 2 < len(ids) else None
            page = [self._view(id_) for id_ in ids[at : at + 2]]
            return 200, {"renders": page, "nextCursor": more}, {}
        if plain.startswith("/v1/renders/"):
            id_ = plain.split("/")[3]
            if id_ not in self.renders:
                return 404, error("not_found", "No such render."), {}
            if plain.endswith("/cancel"):
                self.renders[id_]["status"] = "cancelled"
                return 200, self._view(id_), {}
            self._progress(id_)
            return 200, self._view(id_), {}
        if plain == "/v1/me":
            return 200, {"keyId": "k", "name": "Job", "mode": "test", "projectId": "p"}, {}
        if plain == "/v1/templates/invoice":
            return 200, {"slug": "invoice", "previewData": {"data": {"total": 42}}}, {}
        if plain == "/v1/templates":
            return 200, {"templates": [{"slug": "invoice"}], "nextCursor": None}, {}
        if plain.startswith("/v1/embed/sessions"):
            if method == "DELETE":
                return 204, None, {}
            session = {"session_id": "s", "session_token": "t", "iframe_url": "https://app/embed"}
            return 201, {**session, "expires_at": "2026", "renew_token": "ert_x"}, {}
        return 404, error("not_found", f"No route {path}."), {}

    def _batch(self, method: str, path: str) -> tuple[int | None, Any, dict[str, str]]:
        """One batch, which is over when it is read a second time."""
        if method == "PUT":
            return 200, None, {}
        if path == "/v1/batches":
            if method == "GET":
                return 200, {"batches": [self.batch], "nextCursor": None}, {}
            is_upload = "upload" in self.bodies[-1]
            self.batch = {
                "id": "b",
                "status": "awaiting_upload" if is_upload else "running",
                "counts": {"total": 2, "succeeded": 0},
                "uploadUrl": f"{self.url}/upload" if is_upload else None,
                "resultUrl": None,
                "errorMessage": None,
                "polls": self._polls,
            }
        elif path.endswith("/items"):
            return 200, {"items": [{"row": 1}, {"row": 2}], "nextCursor": None}, {}
        elif path.endswith("/cancel"):
            self.batch["status"] = "cancelled"
        elif path.endswith(("/start", "/retry")):
            self.batch |= {"status": "running", "uploadUrl": None, "polls": self._polls}
        elif self.batch["status"] == "running":
            self.batch["polls"] -= 1
            if self.batch["polls"] <= 0:
                self.batch |= {"status": "completed", "resultUrl": f"{self.url}/document/b"}
        return 200, self.batch, {}

    def _progress(self, id_: str) -> None:
        render = self.renders[id_]
        render["polls"] -= 1
        if render["polls"] > 0 or render["status"] != "queued":
            return
        if self.failure:
            code, message = self.failure
            render.update(status="failed", errorCode=code, errorMessage=message)
        else:
            render.update(status="succeeded", downloadUrl=f"{self.url}/document/{id_}")

    def _view(self, id_: str) -> dict[str, Any]:
        return {name: value for name, value in self.renders[id_].items() if name != "polls"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log clients that close the connection."""


def error(code: str, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "requestId": "r-1", **more}}


def _render(id_: str, slug: str, url: str) -> dict[str, Any]:
    return {
        "id": id_,
        "status": "queued",
        "mode": "test",
        "templateSlug": slug,
        "pollUrl": f"{url}/v1/renders/{id_}",
        "downloadUrl": None,
        "pageCount": 1,
        "errorCode": None,
        "errorMessage": None,
    }


def _handler_of(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = raw if self.command == "PUT" else json.loads(raw) if raw else None
            status, answer, more = stub.respond(self.command, self.path, headers, body)
            if status is None:
                self.close_connection = True
                return
            is_bytes = isinstance(answer, bytes)
            content = answer if is_bytes else json.dumps(answer).encode() if answer else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/pdf" if is_bytes else "application/json")
            self.send_header("x-request-id", "r-header")
            for name, value in more.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 the base class finds them so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
            """Do nothing: calls are counted already."""

    return Handler
