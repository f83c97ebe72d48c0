"""Whatever a stranger sends to the two doors that strangers reach: the authorizer and the hook.

`make attack` sends far more of it (the profile `attack`); here a few hundred of each, by one seed.
"""

import base64
import hashlib
import hmac
import json
import os
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from craftkit.auth import api_key
from craftkit.hooks import service as hooks
from testkit.cloud import Cloud
from testkit.events import event
from testkit.project import DATA, DemoProject, make_project
from testkit.wire import DynamoDBWire

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
ONE_WORLD = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    # The world is made once for all examples: none of them may change it.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

BASE62 = string.digits + string.ascii_letters
# Keys as one might guess them: of the right form, of nearly the right one, cut, joined, disguised.
GUESSES = st.one_of(
    st.text(max_size=300),
    st.from_regex(r"ck_(live|test)_[0-9A-Za-z]{36,40}", fullmatch=True),
    st.builds(
        lambda mode, stage: api_key.mint(mode, stage),
        st.sampled_from(["live", "test"]),
        st.sampled_from(["local", "dev", "staging", "prod"]),
    ),
    st.text(alphabet=BASE62 + "_", min_size=40, max_size=60).map(lambda text: "ck_live_" + text),
)
HEADERS = st.one_of(
    st.none(),
    st.text(max_size=200),
    st.builds(
        lambda scheme, gap, guess: f"{scheme}{gap}{guess}",
        st.sampled_from(["Bearer", "bearer", "BEARER", "Basic", "Bearer:", "Token", ""]),
        st.sampled_from([" ", "  ", "\t", "", " \u00a0", "\n"]),
        GUESSES,
    ),
)


@pytest.fixture
def project(cloud: Cloud) -> DemoProject:
    return make_project("live")


@ONE_WORLD
@given(header=HEADERS)
def test_authorizer__generated_headers_are_denied_without_an_error(
    cloud: Cloud, project: DemoProject, wire: DynamoDBWire, header: str | None
) -> None:
    wire.operations.clear()
    asked = event("authorize", headers={"Authorization": header})
    try:
        policy = cloud.invoke("authorize", asked)
    except Exception as error:
        assert str(error) == "Unauthorized", repr(error)
        assert wire.operations == []
        return
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    # Only what passes its own checksum, in this environment, is worth a read.
    presented = (header or "").split()[-1:] or [""]
    if api_key.stage_of(presented[0]) != "local":
        assert wire.operations == []
    if header and len(presented[0]) > 16:
        assert presented[0] not in json.dumps(policy)


@ONE_WORLD
@given(position=st.integers(0, 45), character=st.sampled_from(BASE62 + "_-/+ é"))
def test_authorizer__a_key_with_one_changed_character_is_denied(
    cloud: Cloud, project: DemoProject, position: int, character: str
) -> None:
    good = project.key.cleartext
    place = position % len(good)
    changed = good[:place] + character + good[place + 1 :]
    if changed == good:
        return
    try:
        policy = cloud.invoke(
            "authorize", event("authorize", headers={"Authorization": f"Bearer {changed}"})
        )
    except Exception as error:
        assert str(error) == "Unauthorized"
        return
    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Deny"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=400).map(lambda text: text.encode("utf-8", errors="surrogatepass")),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    # What fits the template, but for one thing.
    st.builds(
        lambda key, value: json.dumps({**DATA, key: value}).encode(),
        st.sampled_from(["customer", "items", "total", "__proto__", "extra"]),
        JSON_VALUES,
    ),
)
SIGNATURES = st.one_of(
    st.none(), st.text(max_size=80), st.from_regex(r"[0-9a-fA-F]{64}", fullmatch=True)
)


@pytest.fixture
def guarded(project: DemoProject) -> Any:
    """A hook that requires a signature."""
    return hooks.create_hook(
        project.id, "invoice", project.key.key.id, requires_signature=True, by="tester"
    )


def send(cloud: Cloud, at: str, body: bytes, signature: str | None) -> tuple[int, str]:
    headers = {"x-craftkit-signature": signature, "Content-Type": "application/json"}
    sent = event("receive_hook", path={"token": at}, headers=headers)
    sent |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    answer = cloud.invoke("receive_hook", sent)
    return answer["statusCode"], answer["body"]


@ONE_WORLD
@given(body=BODIES, signature=SIGNATURES, at=st.text(max_size=60))
def test_hook__unsigned_and_unknown_requests_create_no_render(
    cloud: Cloud, guarded: Any, body: bytes, signature: str | None, at: str
) -> None:
    status, _ = send(cloud, guarded.token, body, signature)
    assert 400 <= status < 500
    status, answer = send(cloud, at, body, signature)
    assert status == 404
    assert json.loads(answer)["error"]["code"] == "invalid_token"


@ONE_WORLD
@given(body=BODIES)
def test_hook__signed_requests_never_cause_a_5xx(cloud: Cloud, guarded: Any, body: bytes) -> None:
    signature = hmac.new(guarded.secret.encode(), body, hashlib.sha256).hexdigest()
    status, answer = send(cloud, guarded.token, body, signature)
    assert status == 202 or 400 <= status < 500, answer
    if status != 202:
        assert set(json.loads(answer)) == {"error"}
