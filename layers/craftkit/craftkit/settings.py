"""Reads secrets and SSM parameters through Powertools, which caches them for five minutes.

The clients have short time-outs: the default of 60 seconds is longer than a caller waits.
"""

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from botocore.config import Config as ClientConfig

from craftkit.process_cache import process_cache

REMEMBERED_SECONDS = 300
"""How long a replaced secret may still be used from the cache."""

_PATIENCE = ClientConfig(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
)


def secret(arn: str) -> str:
    """The text of a secret."""
    return str(_secrets().get(arn, max_age=REMEMBERED_SECONDS))


def parameter(name: str) -> str:
    return str(_parameters().get(name, max_age=REMEMBERED_SECONDS))


@process_cache
def _secrets() -> SecretsProvider:
    return SecretsProvider(boto_config=_PATIENCE)


@process_cache
def _parameters() -> SSMProvider:
    return SSMProvider(boto_config=_PATIENCE)


def forget() -> None:
    """Clear the caches, for tests that replace a secret."""
    _secrets.cache_clear()
    _parameters.cache_clear()
