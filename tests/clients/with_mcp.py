"""Makes an invoice with the official Python client: four calls, as an agent would."""

import asyncio
import json
import os
import sys
from typing import Any

from mcp import ClientSession, StdioServerParameters, stdio_client


async def main(command: str) -> None:
    known = {name: os.environ[name] for name in ("CRAFTKIT_API_KEY", "CRAFTKIT_BASE_URL", "PATH")}
    parameters = StdioServerParameters(command=command, args=["mcp"], env=known)
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
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


asyncio.run(main(sys.argv[1]))
