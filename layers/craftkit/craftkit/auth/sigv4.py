"""Signs a JSON call with AWS Signature Version 4, and loads the credentials for it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from craftkit.config import config
from craftkit.process_cache import process_cache

_ALGORITHM = "AWS4-HMAC-SHA256"


class NoCredentialsError(Exception):
    """The function was given no AWS credentials, or could not fetch them."""


class Credentials(NamedTuple):
    """AWS credentials. `token` is None for an IAM user's long-term access key."""

    access_key: str
    secret_key: str
    token: str | None


def credentials() -> Credentials:
    """The current credentials: from environment variables, else from the container endpoint.

    Credentials from the endpoint are renewed before they expire.

    Raises:
        NoCredentialsError: there are no credentials, or the endpoint did not answer.
    """
    if config.aws_credentials:
        return Credentials(*config.aws_credentials)
    try:
        renewed = _renewing()
        access_key, secret_key, token, *_ = renewed.get_frozen_credentials()
    except Exception as error:  # botocore's own, whose names would have to be loaded
        raise NoCredentialsError(f"no AWS credentials: {type(error).__name__}") from error
    return Credentials(access_key, secret_key, token)


@process_cache
def _renewing() -> Any:
    """Credentials from SnapStart's endpoint, loaded at the first call so that no snapshot
    contains them.
    """
    chain = credential_chain()
    found = chain.load_credentials()
    if found is None:
        raise LookupError("neither variables nor an endpoint")
    return found


def credential_chain() -> Any:
    # Imported here: botocore takes longer to load than the rest of a cold start.
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
    """The signed headers of a POST to the root of `url`, by lower-case name."""
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
