"""Signature Version 4 of a JSON call, and the credentials that it is made with.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from craftkit.config import config

_ALGORITHM = "AWS4-HMAC-SHA256"


class NoCredentialsError(Exception):
    """The function was given no AWS credentials, or could not fetch them."""


class Credentials(NamedTuple):
    """What AWS gave the function to sign with. `token` is None for a person's lasting key."""

    access_key: str
    secret_key: str
    token: str | None


def credentials() -> Credentials:
    """Those of this moment: variables live as long as the process, an endpoint's are renewed.

    Raises:
        NoCredentialsError: there are none, or the endpoint did not answer.
    """
    if config.aws_credentials:
        return Credentials(*config.aws_credentials)
    try:
        renewed = _renewing()
        access_key, secret_key, token, *_ = renewed.get_frozen_credentials()
    except Exception as error:  # botocore's own, whose names would have to be loaded
        raise NoCredentialsError(f"no AWS credentials: {type(error).__name__}") from error
    return Credentials(access_key, secret_key, token)


@cache
def _renewing() -> Any:
    """What SnapStart's endpoint gives; asked on the first call: a snapshot must hold none."""
    chain = credential_chain()
    found = chain.load_credentials()
    if found is None:
        raise LookupError("neither variables nor an endpoint")
    return found


def credential_chain() -> Any:
    # Loading botocore takes longer than all of a cold start, and the variables do without.
    from botocore.credentials import ContainerProvider, CredentialResolver

    return CredentialResolver([ContainerProvider()])


def sign(
    url: str,
    headers: dict[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    by: Credentials,
    now: datetime,
) -> dict[str, str]:
    """The headers of a POST to the root of `url`, signature and all, by lower-case name."""
    moment = f"{now:%Y%m%dT%H%M%SZ}"
    signed = {name.lower(): value for name, value in headers.items()}
    signed |= {"host": urlsplit(url).netloc, "x-amz-date": moment}
    if by.token:
        signed["x-amz-security-token"] = by.token
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"

    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{by.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}".encode(), "sha256")
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={by.access_key}/{scope}, SignedHeaders={names}, "
        f"Signature={signature.hex()}"
    )
    return signed
