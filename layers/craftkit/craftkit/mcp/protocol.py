"""The Model Context Protocol as far as a server of tools needs it: JSON-RPC, one message in, at
most one out. No state is kept between messages.

https://modelcontextprotocol.io/specification/2025-06-18
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from craftkit.errors import CraftkitError, InvalidJsonError, InvalidRequestError
from craftkit.strict_json import parse_object

Json = dict[str, Any]
Content = list[Json]

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Newest first. A client that names another is offered the newest."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


@dataclass(frozen=True)
class Tool:
    """One tool.

    Args:
        input_schema: JSON Schema of its arguments, an object.
        run: takes the arguments, and returns what the client shows to its model.
        is_read_only: whether it changes nothing.
    """

    name: str
    title: str
    description: str
    input_schema: Json
    run: Callable[[Json], Content]
    is_read_only: bool = True

    def as_json(self) -> Json:
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.input_schema,
            "annotations": {"readOnlyHint": self.is_read_only, "openWorldHint": False},
        }


class Server:
    """Answers messages with these tools."""

    def __init__(self, name: str, version: str, instructions: str, tools: list[Tool]) -> None:
        self._info = {"name": name, "version": version}
        self._instructions = instructions
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}

    def answer_line(self, line: bytes) -> Json | None:
        """The response to a message in JSON; None for a notification."""
        try:
            message = parse_object(line)
        except InvalidJsonError as error:
            return _error(None, PARSE_ERROR, str(error))
        except InvalidRequestError:
            return _error(None, INVALID_REQUEST, "A message is one JSON object.")
        return self.answer(message)

    def answer(self, message: Json) -> Json | None:
        """The response to a message; None for a notification."""
        id_, method = message.get("id"), message.get("method")
        if isinstance(id_, bool) or not isinstance(id_, str | int | None):
            return _error(None, INVALID_REQUEST, "id must be a string or a whole number.")
        if not isinstance(method, str):
            # A response: this server sends no requests.
            return (
                None
                if "result" in message or "error" in message
                else _error(id_, INVALID_REQUEST, "The message has no method.")
            )
        if id_ is None:
            return None
        params = {} if message.get("params") is None else message["params"]
        if not isinstance(params, dict):
            return _error(id_, INVALID_REQUEST, "params must be an object.")
        match method:
            case "initialize":
                return _result(id_, self._initialize(params))
            case "ping":
                return _result(id_, {})
            case "tools/list":
                return _result(id_, {"tools": [tool.as_json() for tool in self._tools.values()]})
            case "tools/call":
                return self._call(id_, params)
        return _error(id_, METHOD_NOT_FOUND, f"There is no method {method}.")

    def _initialize(self, params: Json) -> Json:
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": self._info,
            "instructions": self._instructions,
        }

    def _call(self, id_: object, params: Json) -> Json:
        tool = self._tools.get(str(params.get("name")))
        if tool is None:
            return _error(id_, INVALID_PARAMS, f"There is no tool {params.get('name')}.")
        arguments = params.get("arguments") or {}
        if not isinstance(arguments, dict):
            return _error(id_, INVALID_PARAMS, "arguments must be an object.")
        known, needed = tool.input_schema["properties"], tool.input_schema.get("required", [])
        missing = [name for name in needed if name not in arguments]
        unknown = [name for name in arguments if name not in known]
        if missing or unknown:
            what = f"is missing: {missing[0]}" if missing else f"is unknown: {unknown[0]}"
            return _error(id_, INVALID_PARAMS, f"An argument of {tool.name} {what}.")
        try:
            return _result(id_, {"content": tool.run(arguments), "isError": False})
        except CraftkitError as error:
            return _result(id_, {"content": text_of(error.as_json("")["error"]), "isError": True})


def text_of(value: object) -> Content:
    """A value as the text that a tool returns."""
    return [{"type": "text", "text": json.dumps(value, ensure_ascii=False)}]


def image_of(png: str) -> Content:
    """A PNG in base 64 as the image that a tool returns."""
    return [{"type": "image", "data": png, "mimeType": "image/png"}]


def _result(id_: object, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": id_, "result": result}


def _error(id_: object, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": message}}
