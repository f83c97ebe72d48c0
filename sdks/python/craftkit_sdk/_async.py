"""The asynchronous client. `python -m tools.sync_client` generates `_sync` from this module."""

import asyncio
import builtins
import time
from collections.abc import AsyncIterator, Mapping, Sequence
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


class AsyncCraftkit:
    """A client of one project, for one event loop.

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
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._core = Core(api_key, base_url, max_retries)
        self._http = http_client or httpx.AsyncClient(timeout=timeout)
        self.renders = AsyncRenders(self)
        self.batches = AsyncBatches(self)
        self.templates = AsyncTemplates(self)
        self.embed = AsyncEmbed(self)

    async def me(self) -> Me:
        """The API key of this client: its project, mode, scopes and limits."""
        return cast(Me, await self._json("GET", "/v1/me"))

    async def usage(self, *, from_: str | None = None, to: str | None = None) -> list[UsageRow]:
        """Succeeded renders by day, mode and key; days as `2026-03-14`, both included."""
        found = await self._json("GET", "/v1/usage", params={"from": from_, "to": to})
        return cast(list[UsageRow], found["usage"])

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, steps: Steps) -> Any:
        """Make the calls and pauses of the steps, and return their result."""
        reply: Reply | None = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                return done.value
            reply = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                reply = await self._call(step)

    async def _call(self, call: Call) -> Reply:
        try:
            return reply_of(await self._http.request(**request_of(call)))
        except httpx.TransportError as error:
            return Reply(None, failure=error)

    async def _json(self, method: str, path: str, **how: Any) -> Any:
        reply = await self._run(self._core.api(method, path, **how))
        return reply.json

    async def _pages(self, path: str, field: str, **filters: Any) -> AsyncIterator[Any]:
        cursor = None
        while True:
            page = await self._json("GET", path, params={**filters, "cursor": cursor})
            for each in page[field]:
                yield each
            cursor = page.get("nextCursor") or page.get("next_cursor")
            if cursor is None:
                return


class AsyncRender:
    """A render as it was last read. `json` has every field of the API."""

    def __init__(self, client: AsyncCraftkit, json: RenderJson) -> None:
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

    async def wait(self, timeout: float = WAIT_SECONDS) -> Self:
        """Wait until the render has succeeded, and return it.

        Raises:
            RenderFailedError: the render has failed or was cancelled.
            WaitTimeoutError: the render has not ended within `timeout` seconds.
        """
        core = self._client._core
        self.json = await self._client._run(core.wait(self.json, timeout, time.monotonic))
        return self

    async def content(self, timeout: float = WAIT_SECONDS) -> bytes:
        """Wait for the document and return its bytes. Raises as `wait`."""
        core = self._client._core
        steps = core.document(self.json, timeout, time.monotonic)
        self.json, content = await self._client._run(steps)
        return cast(bytes, content)

    async def save(self, path: str | Path, timeout: float = WAIT_SECONDS) -> Path:
        """Wait for the document and write it to a file. Raises as `wait`."""
        file = Path(path)
        file.write_bytes(await self.content(timeout))
        return file

    async def cancel(self) -> Self:
        """Cancel this render while it is queued."""
        self.json = await self._client._json("POST", f"/v1/renders/{self.id}/cancel", is_safe=False)
        return self

    def __repr__(self) -> str:
        return f"<AsyncRender {self.id} {self.status}>"


class AsyncRenders:
    def __init__(self, client: AsyncCraftkit) -> None:
        self._client = client

    async def create(
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
    ) -> AsyncRender:
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
        reply = await self._client._run(steps)
        return AsyncRender(self._client, reply.json)

    async def document(
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
        return cast(bytes, await self._client._run(steps))

    async def get(self, render_id: str) -> AsyncRender:
        json = await self._client._json("GET", f"/v1/renders/{render_id}")
        return AsyncRender(self._client, json)

    async def list(
        self,
        *,
        status: str | None = None,
        template: str | None = None,
        key_id: str | None = None,
        metadata: str | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> AsyncIterator[AsyncRender]:
        """All renders that match, newest first. Further pages are read when they are needed."""
        filters = {
            "status": status,
            "templateSlug": template,
            "keyId": key_id,
            "metadata": metadata,
            "from": from_,
            "to": to,
        }
        async for each in self._client._pages("/v1/renders", "renders", limit=100, **filters):
            yield AsyncRender(self._client, each)


class AsyncBatch:
    """A batch as it was when it was last read; `json` has every field of the API."""

    def __init__(self, client: AsyncCraftkit, json: BatchJson) -> None:
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

    async def wait(self, timeout: float = BATCH_WAIT_SECONDS) -> Self:
        """This batch, once it is completed, refused or cancelled.

        Raises:
            WaitTimeoutError: it is not over in time.
        """
        core = self._client._core
        self.json = await self._client._run(core.wait_for_batch(self.json, timeout, time.monotonic))
        return self

    def items(self, *, status: str | None = None) -> AsyncIterator[BatchItemJson]:
        """The documents of this batch with their download URLs; further pages as needed."""
        path = f"/v1/batches/{self.id}/items"
        return self._client._pages(path, "items", limit=100, status=status)

    async def save(self, path: str | Path, timeout: float = BATCH_WAIT_SECONDS) -> Path:
        """Write the one file of this batch (`output="zip"` or `"merged"`); waits for it.

        Raises:
            WaitTimeoutError: it is not over in time.
            BatchFailedError: it has no result.
        """
        steps = self._client._core.batch_result(self.json, timeout, time.monotonic)
        self.json, content = await self._client._run(steps)
        file = Path(path)
        file.write_bytes(content)
        return file

    async def cancel(self) -> Self:
        """Cancel this batch. Documents that are being rendered may still succeed."""
        self.json = await self._client._json("POST", f"/v1/batches/{self.id}/cancel", is_safe=False)
        return self

    async def retry(self) -> Self:
        """Render the failed documents of this completed batch again."""
        self.json = await self._client._json("POST", f"/v1/batches/{self.id}/retry", is_safe=False)
        return self

    def __repr__(self) -> str:
        return f"<Batch {self.id} {self.status}>"


class AsyncBatches:
    def __init__(self, client: AsyncCraftkit) -> None:
        self._client = client

    async def create(
        self,
        template: str,
        items: Sequence[Mapping[str, Any]],
        *,
        output: str | None = None,
        on_invalid: str | None = None,
        options: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncBatch:
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
        return AsyncBatch(self._client, (await self._client._run(steps)).json)

    async def upload(
        self,
        template: str,
        file: str | Path,
        *,
        mapping: Mapping[str, str] | None = None,
        output: str | None = None,
        on_invalid: str | None = None,
        options: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncBatch:
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
        made = (await self._client._run(core.create_batch(template, fields, idempotency_key))).json
        if made["uploadUrl"]:
            made = (await self._client._run(core.upload_batch(made, path.read_bytes()))).json
        return AsyncBatch(self._client, made)

    async def get(self, batch_id: str) -> AsyncBatch:
        return AsyncBatch(self._client, await self._client._json("GET", f"/v1/batches/{batch_id}"))

    async def list(self) -> AsyncIterator[AsyncBatch]:
        """Every batch, newest first; further pages are read as they are needed."""
        async for each in self._client._pages("/v1/batches", "batches", limit=100):
            yield AsyncBatch(self._client, each)


class AsyncTemplates:
    def __init__(self, client: AsyncCraftkit) -> None:
        self._client = client

    def list(self) -> AsyncIterator[TemplateSummary]:
        return self._client._pages("/v1/templates", "templates", limit=100)

    async def get(self, slug: str) -> Template:
        return cast(Template, await self._client._json("GET", f"/v1/templates/{slug}"))

    async def list_versions(self, slug: str) -> builtins.list[TemplateVersionSummary]:
        """The newest hundred versions, newest first."""
        found = await self._client._json("GET", f"/v1/templates/{slug}/versions")
        return cast(builtins.list[TemplateVersionSummary], found["versions"])

    async def get_version(self, slug: str, number: int) -> TemplateVersion:
        """A version with its manifest and source."""
        found = await self._client._json("GET", f"/v1/templates/{slug}/versions/{number}")
        return cast(TemplateVersion, found)

    async def create_version(
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
        found = await self._client._json("POST", path, json=sent, is_safe=False)
        return cast(CreatedTemplateVersion, found)

    async def publish_version(self, slug: str, number: int) -> CreatedTemplateVersion:
        """Let renders use a version: a newer one, or an older one to roll back."""
        path = f"/v1/templates/{slug}/versions/{number}/publish"
        return cast(CreatedTemplateVersion, await self._client._json("POST", path))


class AsyncEmbed:
    def __init__(self, client: AsyncCraftkit) -> None:
        self.sessions = AsyncEmbedSessions(client)
        self.catalogs = AsyncEmbedCatalogs(client)


class AsyncEmbedSessions:
    def __init__(self, client: AsyncCraftkit) -> None:
        self._client = client

    async def create(
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
        return cast(EmbedSession, await self._client._json("POST", path, json=body, is_safe=False))

    async def refresh(self, renew_token: str) -> EmbedSession:
        """Refresh a session: it gets new tokens. A renew token works once."""
        path, body = "/v1/embed/sessions/refresh", {"renewToken": renew_token}
        return cast(EmbedSession, await self._client._json("POST", path, json=body, is_safe=False))

    async def revoke(self, session_id: str) -> None:
        await self._client._json("DELETE", f"/v1/embed/sessions/{session_id}")


class AsyncEmbedCatalogs:
    def __init__(self, client: AsyncCraftkit) -> None:
        self._client = client

    async def publish(self, name: str, catalog: Mapping[str, Any]) -> dict[str, Any]:
        """Publish the next version of a catalog."""
        body = {"name": name, "catalog": catalog}
        found = await self._client._json("POST", "/v1/embed/catalogs", json=body, is_safe=False)
        return cast(dict[str, Any], found)

    async def get(self, name: str, *, version: int | None = None) -> dict[str, Any]:
        params = {"version": version}
        found = await self._client._json("GET", f"/v1/embed/catalogs/{name}", params=params)
        return cast(dict[str, Any], found)

    def list(self) -> AsyncIterator[dict[str, Any]]:
        return self._client._pages("/v1/embed/catalogs", "catalogs", limit=100)
