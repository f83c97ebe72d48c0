"""`craftkit secrets …`: rotates the secrets of the stage.

Secrets of a project have their own commands: `keys rotate`, `hooks rotate`, `webhooks rotate`.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from craftkit.config import config
from craftkit.embed.tokens import signing
from craftkit_cli.answers import Answer
from craftkit_cli.arguments import command, group

_LENGTH = 64


def add_commands(root: Any) -> None:
    commands = group(root, "secrets", "rotate secrets of the stage")
    rotate = command(
        commands, "rotate", _rotate, "replace one secret or all of them", in_project=False
    )
    rotate.add_argument("name", choices=(*_SECRETS, "all"))


def _rotate(arguments: argparse.Namespace, _operator: str) -> Answer:
    names = _SECRETS if arguments.name == "all" else (arguments.name,)
    return {"rotated": {name: _SECRETS[name]() for name in names}}


def _cursors() -> str:
    _replace(config.cursor_secret)
    return "Cursors of lists become invalid within five minutes; clients start at the first page."


def _sessions() -> str:
    _replace(config.session_secret)
    return "All dashboard sessions end within five minutes; users sign in again."


def _embed() -> str:
    new, _ = signing.rotate(overlap=signing.OVERLAP)
    return f"Tokens are signed by {new.kid}; tokens of the old key stay valid for 24 hours."


def _vault() -> str:
    boto3.client("kms").rotate_key_on_demand(KeyId=config.vault_key)
    return "New values are encrypted with the new key; old values can still be decrypted."


def _replace(secret: str) -> None:
    client = boto3.client("secretsmanager")
    made = client.get_random_password(PasswordLength=_LENGTH, ExcludePunctuation=True)
    client.put_secret_value(SecretId=secret, SecretString=made["RandomPassword"])


_SECRETS: Mapping[str, Callable[[], str]] = {
    "cursors": _cursors,
    "sessions": _sessions,
    "embed": _embed,
    "vault": _vault,
}
