"""Makes an invoice with the official Python client: four calls, as an agent would.

with_mcp.py COMMAND        over stdio
with_mcp.py URL KEY        over HTTP
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def streams(server: str, key: str = "") -> AsyncIterator[Any]:
    if key:
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            streamable_http_client(server, http_client=http) as made,
        ):
            yield made[0], made[1]
        return
    known = {name: os.environ[name] for name in ("CRAFTKIT_API_KEY", "CRAFTKIT_BASE_URL", "PATH")}
    async with stdio_client(StdioServerParameters(command=server, args=["mcp"], env=known)) as made:
        yield made


async def main(*server: str) -> None:
    async with streams(*server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        found: dict[str, Any] = {
            "tools": [each.name for each in (await session.list_tools()).tools]
        }

        async def call(name: str, **arguments: Any) -> Any:
            result = await session.call_tool(name, arguments)
            content: Any = result.content[0]
            value = json.loads(content.text) if content.type == "text" else None
            return result.is_error, content.type, value

        slug = (await call("list_templates"))[2][0]["slug"]
        data = (await call("get_template", slug=slug))[2]["exampleData"]
        found["valid"] = (await call("validate_data", slug=slug, data=data))[2]
        found["render"] = (await call("create_render", slug=slug, data=data))[2]
        found["image"] = (await call("preview", slug=slug, data=data))[1]
        is_error, _, error = await call("get_render", id="none")
        found["refused"] = [is_error, error]
    print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
