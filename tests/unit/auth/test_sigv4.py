"""Own signatures are identical to botocore's."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth as botocore_auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from craftkit.auth import sigv4
from craftkit.auth.sigv4 import Credentials, NoCredentialsError, sign
from craftkit.config import forget

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
moments = st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
urls = st.sampled_from(
    ["http://127.0.0.1:4566", "https://dynamodb.eu-central-1.amazonaws.com", "http://localhost/"]
)
HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.GetItem",
}


@given(
    url=urls,
    body=st.binary(),
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    by=st.builds(Credentials, printable, printable, st.none() | printable),
    now=moments,
)
def test_sign__has_the_headers_of_botocore(
    url: str, body: bytes, region: str, by: Credentials, now: datetime
) -> None:
    theirs = AWSRequest(method="POST", url=url, data=body, headers=HEADERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore_auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
        botocore_auth.SigV4Auth(ReadOnlyCredentials(*by), "dynamodb", region).add_auth(theirs)
    ours = sign(url, HEADERS, body, service="dynamodb", region=region, by=by, now=now)
    del ours["host"]  # botocore signs it, and leaves it to the transport to send
    assert ours == {name.lower(): value for name, value in theirs.headers.items()}


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    forget()
    sigv4._renewing.cache_clear()
    yield monkeypatch
    forget()
    sigv4._renewing.cache_clear()


def test_credentials__are_the_variables_that_lambda_sets(surroundings: pytest.MonkeyPatch) -> None:
    surroundings.setenv("AWS_ACCESS_KEY_ID", "ASIA1")
    surroundings.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    surroundings.setenv("AWS_SESSION_TOKEN", "token")
    assert sigv4.credentials() == Credentials("ASIA1", "secret", "token")


def test_credentials__of_a_snapshot_come_from_its_endpoint_and_are_renewed(
    surroundings: pytest.MonkeyPatch,
) -> None:
    given_out: list[str] = []

    def retrieve(_fetcher: Any, full_url: str, headers: Any = None) -> dict[str, str]:
        assert headers == {"Authorization": "restored"}
        given_out.append(full_url)
        return {
            "AccessKeyId": f"ASIA{len(given_out)}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2020-01-01T00:00:00Z" if len(given_out) == 1 else "2099-01-01T00:00:00Z",
        }

    surroundings.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/credentials")
    surroundings.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "restored")
    surroundings.setattr("botocore.utils.ContainerMetadataFetcher.retrieve_full_uri", retrieve)
    assert sigv4.credentials() == Credentials("ASIA2", "secret", "token")
    assert sigv4.credentials().access_key == "ASIA2"
    assert len(given_out) == 2


def test_credentials__missing_credentials_are_an_error(surroundings: pytest.MonkeyPatch) -> None:
    surroundings.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    with pytest.raises(NoCredentialsError, match="no AWS credentials"):
        sigv4.credentials()
