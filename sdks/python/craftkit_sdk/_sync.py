"""The synchronous client, generated from `_async` by `tools.sync_client`."""

import builtins
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import httpx

from craftkit_sdk._core import MAX_RETRIES, TIMEOUT_SECONDS, Call, Core, Pause, Reply, Steps
from craftkit_sdk._http import reply_of, request_of
from craftkit_sdk.types import (
    BatchCounts,
    BatchItemJson,
    BatchJson,
    CreatedTemplateVersion,
    EmbedSession,
    Me,
    RenderJson,
    Template,
    TemplateSummary,
    TemplateVersion,
    TemplateVersionSummary,
    UsageRow,
)
from craftkit_sdk.webhooks import Webhooks

WAIT_SECONDS = 120.0
BATCH_WAIT_SECONDS = 3600.0


class Craftkit:
    """A client of one project, safe to share between threads.

    Args:
        api_key: `ck_live_…` or `ck_test_…`; default: the environment variable `CRAFTKIT_API_KEY`.
        base_url: default: `CRAFTKIT_BASE_URL`, else https://api.craftkit.dev.
        timeout: seconds for one HTTP request.
        max_retries: how often a request is retried after a temporary failure.
    """

    webhooks = Webhooks()

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        max_retries: int = MAX_RETRIES,
        http_client: httpx.Client | None = None,
    ) -> None:
        self._core = Core(api_key, base_url, max_retries)
        self._http = http_client or httpx.Client(timeout=timeout)
        # Closes the connections of clients that are never closed.
        weakref.finalize(self, self._http.close)
        self.renders = Renders(self)
        self.batches = Batches(self)
        self.templates = Templates(self)
        self.embed = Embed(self)

    def me(self) -> Me:
        """The API key of this client: its project, mode, scopes and limits."""
        return cast(Me, self._json("GET", "/v1/me"))

    def usage(self, *, from_: str | None = None, to: str | None = None) -> list[UsageRow]:
        """Succeeded renders by day, mode and key; days as `2026-03-14`, both included."""
        found = self._json("GET", "/v1/usage", params={"from": from_, "to": to})
        return cast(list[UsageRow], found["usage"])

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, steps: Steps) -> Any:
        """Make the calls and pauses of the steps, and return their result."""
        reply: Reply | None = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                return done.value
            reply = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                reply = self._call(step)

    def _call(self, call: Call) -> Reply:
        try:
            return reply_of(self._http.request(**request_of(call)))
        except httpx.TransportError as error:
            return Reply(None, failure=error)

    def _json(self, method: str, path: str, **how: Any) -> Any:
        reply = self._run(self._core.api(method, path, **how))
        return reply.json

    def _pages(self, path: str, field: str, **filters: Any) -> Iterator[Any]:
        cursor = None
        while True:
            page = self._json("GET", path, params={**filters, "cursor": cursor})
            yield from page[field]
            cursor = page.get("nextCursor") or page.get("next_cursor")
            if cursor is None:
                return


class Render:
    """A render as it was last read. `json` has every field of the API."""

    def __init__(self, client: Craftkit, json: RenderJson) -> None:
        self._client = client
        self.json = json

    @property
    def id(self) -> str:
        return self.json["id"]

    @property
    def status(self) -> str:
        return self.json["status"]

    @property
    def page_count(self) -> int | None:
        return self.json["pageCount"]

    @property
    def download_url(self) -> str | None:
        """A signed address of the document, valid for an hour at most."""
        return self.json["downloadUrl"]

    def wait(self, timeout: float = WAIT_SECONDS) -> Self:
        """Wait until the render has succeeded, and return it.

        Raises:
            RenderFailedError: the render has failed or was cancelled.
            WaitTimeoutError: the render has not ended within `timeout` seconds.
        """
        core = self._client._core
        self.json = self._client._run(core.wait(self.json, timeout, time.monotonic))
        return self

    def content(self, timeout: float = WAIT_SECONDS) -> bytes:
        """Wait for the document and return its bytes. Raises as `wait`."""
        core = self._client._core
        steps = core.document(self.json, timeout, time.monotonic)
        self.json, content = self._client._run(steps)
        return cast(bytes, content)

    def save(self, path: str | Path, timeout: float = WAIT_SECONDS) -> Path:
        """Wait for the document and write it to a file. Raises as `wait`."""
        file = Path(path)
        file.write_bytes(self.content(timeout))
        return file

    def cancel(self) -> Self:
        """Cancel this render while it is queued."""
        self.json = self._client._json("POST", f"/v1/renders/{self.id}/cancel", is_safe=False)
        return self

    def __repr__(self) -> str:
        return f"<Render {self.id} {self.status}>"


class Renders:
    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def create(
        self,
        template: str,
        data: Mapping[str, Any],
        *,
        filename: str | None = None,
        version_number: int | None = None,
        sync: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        job_id: str | None = None,
        idempotency_key: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Render:
        """Create a render of the template with this slug. A retry never creates a second render.

        Args:
            sync: wait for the document in this request, up to 25 seconds.
            job_id: your id of the job; also the idempotency key.
            options: further `options` of the API, by their API names.
        """
        named = {"filename": filename, "versionNumber": version_number, "sync": sync}
        steps = self._client._core.create_render(
            template,
            data,
            idempotency_key=idempotency_key,
            job_id=job_id,
            metadata=metadata,
            options={**named, **(options or {})},
        )
        reply = self._client._run(steps)
        return Render(self._client, reply.json)

    def document(
        self,
        template: str,
        data: Mapping[str, Any],
        *,
        store: bool = True,
        filename: str | None = None,
        version_number: int | None = None,
        metadata: Mapping[str, str] | None = None,
        job_id: str | None = None,
        idempotency_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: float = WAIT_SECONDS,
    ) -> bytes:
        """Create a render and return its document, mostly in one call.

        Args:
            store: False: the service keeps neither the data nor the document.

        Raises:
            ApiError: with the code `render_failed` where it failed.
        """
        named = {"filename": filename, "versionNumber": version_number}
        steps = self._client._core.create_document(
            template,
            data,
            timeout,
            time.monotonic,
            idempotency_key=idempotency_key,
            job_id=job_id,
            metadata=metadata,
            options={**named, **({} if store else {"store": False}), **(options or {})},
        )
        return cast(bytes, self._client._run(steps))

    def get(self, render_id: str) -> Render:
        json = self._client._json("GET", f"/v1/renders/{render_id}")
        return Render(self._client, json)

    def list(
        self,
        *,
        status: str | None = None,
        template: str | None = None,
        key_id: str | None = None,
        metadata: str | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> Iterator[Render]:
        """All renders that match, newest first. Further pages are read when they are needed."""
        filters = {
            "status": status,
            "templateSlug": template,
            "keyId": key_id,
            "metadata": metadata,
            "from": from_,
            "to": to,
        }
        for each in self._client._pages("/v1/renders", "renders", limit=100, **filters):
            yield Render(self._client, each)


class Batch:
    """A batch as it was when it was last read; `json` has every field of the API."""

    def __init__(self, client: Craftkit, json: BatchJson) -> None:
        self._client = client
        self.json = json

    @property
    def id(self) -> str:
        return self.json["id"]

    @property
    def status(self) -> str:
        return self.json["status"]

    @property
    def counts(self) -> BatchCounts:
        return self.json["counts"]

    def wait(self, timeout: float = BATCH_WAIT_SECONDS) -> Self:
        """This batch, once it is completed, refused or cancelled.

        Raises:
            WaitTimeoutError: it is not over in time.
        """
        core = self._client._core
        self.json = self._client._run(core.wait_for_batch(self.json, timeout, time.monotonic))
        return self

    def items(self, *, status: str | None = None) -> Iterator[BatchItemJson]:
        """The documents of this batch with their download URLs; further pages as needed."""
        path = f"/v1/batches/{self.id}/items"
        return self._client._pages(path, "items", limit=100, status=status)

    def save(self, path: str | Path, timeout: float = BATCH_WAIT_SECONDS) -> Path:
        """Write the one file of this batch (`output="zip"` or `"merged"`); waits for it.

        Raises:
            WaitTimeoutError: it is not over in time.
            BatchFailedError: it has no result.
        """
        steps = self._client._core.batch_result(self.json, timeout, time.monotonic)
        self.json, content = self._client._run(steps)
        file = Path(path)
        file.write_bytes(content)
        return file

    def cancel(self) -> Self:
        """Cancel this batch. Documents that are being rendered may still succeed."""
        self.json = self._client._json("POST", f"/v1/batches/{self.id}/cancel", is_safe=False)
        return self

    def retry(self) -> Self:
        """Render the failed documents of this completed batch again."""
        self.json = self._client._json("POST", f"/v1/batches/{self.id}/retry", is_safe=False)
        return self

    def __repr__(self) -> str:
        return f"<Batch {self.id} {self.status}>"


class Batches:
    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def create(
        self,
        template: str,
        items: Sequence[Mapping[str, Any]],
        *,
        output: str | None = None,
        on_invalid: str | None = None,
        options: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Create a batch of up to 1,000 items, each with `data`. A retry never makes a second one.

        Args:
            output: `files` or `zip`.
            on_invalid: `refuse` or `skip`.
            options: `options` of the API by their names there.
        """
        fields = {
            "items": list(items), "output": output, "onInvalid": on_invalid, "options": options,
        }  # fmt: skip
        steps = self._client._core.create_batch(template, fields, idempotency_key)
        return Batch(self._client, (self._client._run(steps)).json)

    def upload(
        self,
        template: str,
        file: str | Path,
        *,
        mapping: Mapping[str, str] | None = None,
        output: str | None = None,
        on_invalid: str | None = None,
        options: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Create a batch of the rows of a file, `.csv` or else NDJSON, upload and start it.

        Args:
            mapping: of CSV, the columns by the path in the data.
        """
        path = Path(file)
        upload: dict[str, Any] = {"format": "csv" if path.suffix == ".csv" else "ndjson"}
        if mapping:
            upload["mapping"] = dict(mapping)
        fields = {
            "upload": upload, "output": output, "onInvalid": on_invalid, "options": options,
        }  # fmt: skip
        core = self._client._core
        made = (self._client._run(core.create_batch(template, fields, idempotency_key))).json
        if made["uploadUrl"]:
            made = (self._client._run(core.upload_batch(made, path.read_bytes()))).json
        return Batch(self._client, made)

    def get(self, batch_id: str) -> Batch:
        return Batch(self._client, self._client._json("GET", f"/v1/batches/{batch_id}"))

    def list(self) -> Iterator[Batch]:
        """Every batch, newest first; further pages are read as they are needed."""
        for each in self._client._pages("/v1/batches", "batches", limit=100):
            yield Batch(self._client, each)


class Templates:
    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def list(self) -> Iterator[TemplateSummary]:
        return self._client._pages("/v1/templates", "templates", limit=100)

    def get(self, slug: str) -> Template:
        return cast(Template, self._client._json("GET", f"/v1/templates/{slug}"))

    def list_versions(self, slug: str) -> builtins.list[TemplateVersionSummary]:
        """The newest hundred versions, newest first."""
        found = self._client._json("GET", f"/v1/templates/{slug}/versions")
        return cast(builtins.list[TemplateVersionSummary], found["versions"])

    def get_version(self, slug: str, number: int) -> TemplateVersion:
        """A version with its manifest and source."""
        found = self._client._json("GET", f"/v1/templates/{slug}/versions/{number}")
        return cast(TemplateVersion, found)

    def create_version(
        self,
        slug: str,
        manifest: Mapping[str, Any],
        source: str | None = None,
        *,
        name: str | None = None,
        locale: str | None = None,
        pdf_standard: str | None = None,
        publish: bool = True,
    ) -> CreatedTemplateVersion:
        """Create the next version; the key must be a token with `templates:write`.

        Args:
            source: Typst; written from the manifest without it.
            publish: whether renders use the version from now on.
        """
        body = {
            "name": name,
            "manifest": dict(manifest),
            "source": source,
            "locale": locale,
            "pdfStandard": pdf_standard,
            "publish": publish,
        }
        sent = {field: value for field, value in body.items() if value is not None}
        path = f"/v1/templates/{slug}/versions"
        found = self._client._json("POST", path, json=sent, is_safe=False)
        return cast(CreatedTemplateVersion, found)

    def publish_version(self, slug: str, number: int) -> CreatedTemplateVersion:
        """Let renders use a version: a newer one, or an older one to roll back."""
        path = f"/v1/templates/{slug}/versions/{number}/publish"
        return cast(CreatedTemplateVersion, self._client._json("POST", path))


class Embed:
    def __init__(self, client: Craftkit) -> None:
        self.sessions = EmbedSessions(client)
        self.catalogs = EmbedCatalogs(client)


class EmbedSessions:
    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def create(
        self,
        *,
        tenant: Mapping[str, Any],
        actor: Mapping[str, Any],
        scope: Mapping[str, Any],
        **settings: Any,
    ) -> EmbedSession:
        """Create a session. `settings` are further fields of the API, by their API names."""
        body = {"tenant": tenant, "actor": actor, "scope": scope, **settings}
        path = "/v1/embed/sessions"
        return cast(EmbedSession, self._client._json("POST", path, json=body, is_safe=False))

    def refresh(self, renew_token: str) -> EmbedSession:
        """Refresh a session: it gets new tokens. A renew token works once."""
        path, body = "/v1/embed/sessions/refresh", {"renewToken": renew_token}
        return cast(EmbedSession, self._client._json("POST", path, json=body, is_safe=False))

    def revoke(self, session_id: str) -> None:
        self._client._json("DELETE", f"/v1/embed/sessions/{session_id}")


class EmbedCatalogs:
    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def publish(self, name: str, catalog: Mapping[str, Any]) -> dict[str, Any]:
        """Publish the next version of a catalog."""
        body = {"name": name, "catalog": catalog}
        found = self._client._json("POST", "/v1/embed/catalogs", json=body, is_safe=False)
        return cast(dict[str, Any], found)

    def get(self, name: str, *, version: int | None = None) -> dict[str, Any]:
        params = {"version": version}
        found = self._client._json("GET", f"/v1/embed/catalogs/{name}", params=params)
        return cast(dict[str, Any], found)

    def list(self) -> Iterator[dict[str, Any]]:
        return self._client._pages("/v1/embed/catalogs", "catalogs", limit=100)
