"""A new version gets callers, and loses them again, without one of them noticing."""

import threading
from collections.abc import Iterator

import pytest

from benchmarks.pressure import Heard, press
from tests.support.stack import RunningStack

SECONDS = 6.0
FUNCTIONS = ("AuthorizeFunction", "ListRendersFunction")


@pytest.fixture
def versions(stack: RunningStack) -> Iterator[dict[str, tuple[str, str]]]:
    """By function: the version that has callers, and a new one like it. Put back at the end."""
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


def test_an_alias_that_moves_forth_and_back_under_load_drops_no_request(
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


def test_a_broken_version_is_told_from_a_sound_one_by_the_question_of_the_hook(
    stack: RunningStack,
) -> None:
    """What the hook would tell CodeDeploy: from the real function, by its version's number."""
    import json

    from craftkit.probes import is_fit, question

    client = stack.client("lambda")
    name = stack.deployed.physical_ids("AWS::Lambda::Function")["ListRendersFunction"]
    sound = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    before = client.get_function_configuration(FunctionName=name)["Handler"]
    try:
        client.update_function_configuration(FunctionName=name, Handler="nowhere.handler")
        broken = client.publish_version(FunctionName=name)["Version"]
    finally:
        client.update_function_configuration(FunctionName=name, Handler=before)
    fit = {}
    for version in (sound, broken):
        payload = json.dumps(question("ListRendersFunction"))
        answer = client.invoke(FunctionName=name, Qualifier=version, Payload=payload)
        fit[version] = is_fit(answer["Payload"].read(), failed="FunctionError" in answer)
    assert fit == {sound: True, broken: False}
