"""Caches boto3 clients and moto's RSA keys per process: creating them is slower than most tests.

moto treats a cached client like a new one; the account's data is empty in each `mock_aws`.
"""

import os
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import moto.cognitoidp.models
import moto.kms.models
from joserfc import jwk


def keep() -> None:
    """From now on, the same arguments in the same environment return the same client."""
    boto3.client = _kept(boto3.client)
    boto3.resource = _kept(boto3.resource)
    kms: Any = moto.kms.models
    kms.generate_private_key = cache(kms.generate_private_key)
    # A user pool reads the one key that moto's package holds.
    cognito: Any = moto.cognitoidp.models
    signing: Any = jwk.RSAKey.import_key(
        cognito.load_resource("cognitoidp/resources/jwks-private.json")
    )
    cognito.jwk = SimpleNamespace(RSAKey=SimpleNamespace(import_key=lambda _: signing))


def _kept(make: Callable[..., Any]) -> Callable[..., Any]:
    @cache
    def made(_settings: object, *args: Any, **options: Any) -> Any:
        return make(*args, **options)

    def client(*args: Any, **options: Any) -> Any:
        # A client belongs to the account and the endpoint of the environment at its creation.
        settings = tuple(item for item in os.environ.items() if item[0].startswith("AWS_"))
        return made(settings, *args, **options)

    return client
