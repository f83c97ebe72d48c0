"""What the stage keeps outside of the environment: secrets and parameters, remembered for minutes.

Powertools remembers; left alone it would also wait for two minutes, and no caller does.
"""

from functools import cache

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from botocore.config import Config as ClientConfig

REMEMBERED_SECONDS = 300
"""How long a secret that was replaced may still be used."""

_PATIENCE = ClientConfig(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
)


def secret(arn: str) -> str:
    """The text of a secret."""
    return str(_secrets().get(arn, max_age=REMEMBERED_SECONDS))


def parameter(name: str) -> str:
    return str(_parameters().get(name, max_age=REMEMBERED_SECONDS))


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider(boto_config=_PATIENCE)


@cache
def _parameters() -> SSMProvider:
    return SSMProvider(boto_config=_PATIENCE)


def forget() -> None:
    """As a new environment would: for tests that replace a secret under a living process."""
    _secrets.cache_clear()
    _parameters.cache_clear()
