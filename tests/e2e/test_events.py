"""The event of every function ends in success on the running stack, as `make invoke` fills it.

The functions run as they are deployed. tests/e2e/test_sam_local.py runs some in containers.
"""

import pytest

from local.docker import NOT_LOCAL, event_file, failure_of, function_of
from local.event_values import complete
from local.stack import Stack
from testkit.stack import RunningStack
from testkit.template import ROOT

NAMES = sorted(path.stem for path in (ROOT / "events").glob("*.json"))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_LOCAL])
def test_the_event_of_each_function_ends_in_success(stack: RunningStack, name: str) -> None:
    written = Stack(
        api_url=stack.api_url,
        aws_endpoint_url=stack.aws_endpoint_url,
        stage=stack.stage,
        project_id=stack.project_id,
        live_key=stack.live_key,
        test_key=stack.test_key,
        dashboard_user=None,
    )
    event = complete(name, event_file(name).read_text(encoding="utf-8"), written)
    function = stack.deployed.physical_ids("AWS::Lambda::Function")[function_of(name)]
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=event.encode())
    printed = answer["Payload"].read().decode()
    assert failure_of(name, printed) is None, printed[-1000:]
