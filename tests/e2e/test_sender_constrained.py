"""Sender-constrained tokens through the gateway, by outside clients, and replays."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from testkit.dpop_clients import (
    NODE_CLIENTS,
    Sign,
    exchange_in_node,
    proof,
    with_joserfc,
    with_pyjwt,
)
from testkit.issuer import Issuer, served_issuer
from testkit.prover import Prover
from testkit.stack import RunningStack
from tests.e2e.test_federation import new_rule, oidc

TRIALS = 1000
CONNECTIONS = 8


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with served_issuer() as made:
        yield made


@pytest.fixture(scope="module")
def rule(stack: RunningStack, issuer: Issuer) -> Iterator[str]:
    made = new_rule(stack, issuer)
    yield made["id"]
    stack.craftkit("trust", "end", made["id"])


@pytest.mark.parametrize(("library", "algorithm"), NODE_CLIENTS)
def test_clients_in_node__exchange_a_bound_token_and_call_with_it(
    stack: RunningStack, issuer: Issuer, rule: str, library: str, algorithm: str
) -> None:
    answer = exchange_in_node(
        library, algorithm, api=stack.api_url, token=oidc(issuer), audience=stack.project_id
    )
    assert answer["tokenType"] == "dpop"
    assert (answer["me"]["kind"], answer["me"]["bound"]) == ("token", True)
    statuses = [answer[name] for name in ("good", "asBearer", "withAnotherKey")]
    assert statuses == [200, 401, 401]


def bound_token(stack: RunningStack, issuer: Issuer, sign: Sign) -> str:
    url = f"{stack.api_url}/v1/oauth/token"
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": oidc(issuer),
        "audience": stack.project_id,
    }
    headers = {"DPoP": proof(sign, "POST", url)}
    answer = requests.post(url, data=form, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "DPoP"
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("library", [with_pyjwt, with_joserfc])
def test_clients_in_python__exchange_a_bound_token_and_call_with_it(
    stack: RunningStack, issuer: Issuer, rule: str, library: Any, algorithm: str
) -> None:
    sign = library(Prover(algorithm))
    key = bound_token(stack, issuer, sign)
    url = f"{stack.api_url}/v1/me"

    def status(signer: Sign, scheme: str = "DPoP") -> int:
        headers = {"Authorization": f"{scheme} {key}", "DPoP": proof(signer, "GET", url, key)}
        return requests.get(url, headers=headers, timeout=60).status_code

    assert status(sign) == 200
    assert status(library(Prover(algorithm))) == 401
    assert status(sign, "Bearer") == 401


def statuses_of(call: Callable[[requests.Session], int], trials: int) -> Counter[int]:
    """The statuses of so many calls from several connections."""

    def of_connection(count: int) -> list[int]:
        with requests.Session() as session:
            return [call(session) for _ in range(count)]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        shares = pool.map(of_connection, [trials // CONNECTIONS] * CONNECTIONS)
        return Counter(status for share in shares for status in share)


def test_a_replayed_proof__of_a_thousand_none_passes(
    stack: RunningStack, issuer: Issuer, rule: str
) -> None:
    """Eight connections at once, so several instances of the authorizer decide. A proof is valid
    for a minute, so every two hundred replays are of another one.
    """
    sign = with_pyjwt(Prover())
    key = bound_token(stack, issuer, sign)
    url = f"{stack.api_url}/v1/me"
    counted: Counter[int] = Counter()
    for _ in range(TRIALS // 200):
        headers = {"Authorization": f"DPoP {key}", "DPoP": proof(sign, "GET", url, key)}

        def call(session: requests.Session, sent: dict[str, str] = headers) -> int:
            return session.get(url, headers=sent, timeout=60).status_code

        with requests.Session() as session:
            assert call(session) == 200
        counted += statuses_of(call, 200)
    assert counted == {401: TRIALS}
