"""Calls the API with an API key, for the commands that need no AWS credentials."""

import argparse
import os
from collections.abc import Callable
from typing import Any

from craftkit.errors import CraftkitError
from craftkit_cli import logins
from craftkit_cli.answers import Answer
from craftkit_cli.federation import federated_key
from craftkit_cli.local_stack import local_stack
from craftkit_sdk import ApiError, Craftkit, RenderFailedError
from craftkit_sdk import CraftkitError as ClientError

Run = Callable[[argparse.Namespace, Craftkit], Answer | str]


class NoApiKeyError(CraftkitError):
    """No API key is configured."""

    code = "missing_authorization"
    status = 401
    message = (
        "No API key is configured. Run `craftkit login`, set CRAFTKIT_API_KEY to a key of your "
        "project and CRAFTKIT_BASE_URL to the URL of your stage, or start the local stack with "
        "`make dev`."
    )


def api_command(
    commands: Any, name: str, run: Run, what: str, *places: str
) -> argparse.ArgumentParser:
    """Add a command that calls `run` with a client of the API.

    Args:
        places: positional arguments, such as `slug`.
    """
    made: argparse.ArgumentParser = commands.add_parser(name, help=what, description=_HOW)
    for each in places:
        made.add_argument(each, metavar=each.upper())
    made.set_defaults(run=lambda arguments, _: call(run, arguments), needs_aws=False)
    return made


_HOW = (
    "Calls the API with CRAFTKIT_API_KEY, at CRAFTKIT_BASE_URL. Without them: the key of `craftkit "
    "login`, else the test key of the stack that `make dev` runs. Needs no AWS credentials."
)


def call(run: Run, arguments: argparse.Namespace) -> Answer | str:
    """Run a command with a client, and convert the API's errors.

    Raises:
        CraftkitError: with the API's code, message and issues.
    """
    with connect() as client:
        try:
            return run(arguments, client)
        except ClientError as error:
            raise FromApiError(error) from error


def connect() -> Craftkit:
    """A client with the key of the environment, else of `craftkit login`, else of the running
    local stack.

    Raises:
        NoApiKeyError: there is none of them.
    """
    if os.environ.get("CRAFTKIT_API_KEY"):
        return Craftkit()
    if key := federated_key(os.environ):
        return Craftkit(key)
    if login := logins.read().chosen(os.environ.get("CRAFTKIT_PROJECT")):
        if login.is_expired:
            raise NoApiKeyError(
                f"The login to {login.project_name} has expired. Run `craftkit login` again."
            )
        return Craftkit(login.key, base_url=login.api_url)
    if stack := local_stack():
        return Craftkit(stack["keys"]["test"], base_url=stack["apiUrl"])
    raise NoApiKeyError


class FromApiError(CraftkitError):
    """An error of the client, in the CLI's envelope."""

    code = "api_error"

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error))
        self._error: dict[str, object] = {"code": "connection_failed", "message": str(error)}
        if isinstance(error, ApiError):
            self._error = dict(error.error) or {"code": error.code, "message": error.message}
        elif isinstance(error, RenderFailedError):
            self._error |= {"code": error.code, "render": error.render}

    def as_json(self, request_id: str) -> dict[str, object]:
        return {"error": {"requestId": request_id, **self._error}}
