"""An alias moves to a new version and back without a failed request."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.pressure import Heard, press
from craftkit.probes import PROBE, is_fit
from testkit.stack import RunningStack
from testkit.template import statements, template

SECONDS = 6.0
FUNCTIONS = ("AuthorizeFunction", "ListRendersFunction")
DENY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}


@pytest.fixture
def versions(stack: RunningStack) -> Iterator[dict[str, tuple[str, str]]]:
    """By function: the current version, and a new one. The alias is restored at the end."""
    client = stack.client("lambda")
    names = stack.deployed.physical_ids("AWS::Lambda::Function")
    made = {}
    for function in FUNCTIONS:
        name = names[function]
        present = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        # A version is made only of what has changed.
        client.update_function_configuration(FunctionName=name, Description="the next version")
        made[name] = (present, client.publish_version(FunctionName=name)["Version"])
    yield made
    for name, (present, _) in made.items():
        client.update_alias(
            FunctionName=name, Name="live", FunctionVersion=present, RoutingConfig={}
        )


def test_moving_an_alias_under_load_drops_no_request(
    stack: RunningStack, versions: dict[str, tuple[str, str]]
) -> None:
    client = stack.client("lambda")
    heard: list[Heard] = []
    load = threading.Thread(
        target=lambda: heard.append(press(stack, 4, SECONDS, path="/v1/renders?limit=1"))
    )
    load.start()
    moves = 0
    while load.is_alive():
        for name, (present, new) in versions.items():
            at = {"FunctionName": name, "Name": "live"}
            tenth = {"AdditionalVersionWeights": {new: 0.1}}
            client.update_alias(**at, FunctionVersion=present, RoutingConfig=tenth)
            client.update_alias(**at, FunctionVersion=new, RoutingConfig={})
            client.update_alias(**at, FunctionVersion=present, RoutingConfig={})
            moves += 3
        load.join(0.2)
    (whole,) = heard
    assert set(whole.statuses) == {200}, whole.statuses
    assert moves >= 6


def probe(stack: RunningStack, function: str, qualifier: str = "live") -> tuple[bool, str]:
    """Whether the version passes the pre-traffic hook's probe, and its response."""
    answer = stack.client("lambda").invoke(
        FunctionName=function, Qualifier=qualifier, Payload=json.dumps(PROBE)
    )
    payload = answer["Payload"].read()
    return is_fit(payload, failed="FunctionError" in answer), payload.decode()


def test_a_version_that_cannot_start_fails_its_probe(stack: RunningStack) -> None:
    client = stack.client("lambda")
    name = stack.deployed.physical_ids("AWS::Lambda::Function")["ListRendersFunction"]
    sound = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    before = client.get_function_configuration(FunctionName=name)["Handler"]
    try:
        client.update_function_configuration(FunctionName=name, Handler="nowhere.handler")
        broken = client.publish_version(FunctionName=name)["Version"]
    finally:
        client.update_function_configuration(FunctionName=name, Handler=before)
    assert probe(stack, name, sound)[0]
    assert not probe(stack, name, broken)[0]


def test_probes_pass_with_permissions_and_fail_without(
    stack: RunningStack,
) -> None:
    """With IAM, the deny applies to the calls of the deployed function's role."""
    functions = stack.deployed.physical_ids("AWS::Lambda::Function")
    roles = stack.deployed.physical_ids("AWS::IAM::Role")
    iam = stack.client("iam")
    probed = {name: key for name, key in functions.items() if name != "CheckDeploymentFunction"}
    sound = probe_all(stack, probed)
    assert {name: answer for name, (fit, answer) in sound.items() if not fit} == {}
    for name in probed:
        iam.put_role_policy(
            RoleName=roles[f"{name}Role"], PolicyName="none", PolicyDocument=json.dumps(DENY)
        )
    try:
        denied = probe_all(stack, probed)
    finally:
        for name in probed:
            iam.delete_role_policy(RoleName=roles[f"{name}Role"], PolicyName="none")
    still_fit = {name for name, (fit, _) in denied.items() if fit}
    assert still_fit == {name for name in probed if not reads_data(name)}, denied


def probe_all(stack: RunningStack, functions: dict[str, str]) -> dict[str, tuple[bool, str]]:
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda function: probe(stack, function), functions.values())
        return dict(zip(functions, answers, strict=True))


def reads_data(function: str) -> bool:
    rights = json.dumps(list(statements(template().functions[function])))
    wanted = ("dynamodb:", "secretsmanager:", "lambda:InvokeFunction")
    return any(right in rights for right in wanted)
