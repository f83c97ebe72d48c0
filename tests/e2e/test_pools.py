"""Test renders and live renders have queues and workers of their own."""

from pathlib import Path

from testkit.stack import RunningStack

TEST_RENDERS = 12

MANIFEST = """
{"variables": [{"key": "rounds", "label": "Rounds", "dataType": "number", "required": true,
                "previewData": 1}],
 "loops": []}
"""
# About a second of typesetting for the data below.
SOURCE = """
#import "/craftkit.typ": *
#let sum = 0
#for number in range(int(data.rounds)) { sum += calc.rem(number, 7) }
#sum
"""


def test_a_flood_of_test_renders_does_not_delay_a_live_render(
    stack: RunningStack, tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text(MANIFEST)
    (tmp_path / "source.typ").write_text(SOURCE)
    stack.craftkit(
        "templates", "publish", "--project", stack.project_id, "--slug", "slow", "--name", "Slow",
        "--manifest", tmp_path / "manifest.json", "--source", tmp_path / "source.typ",
    )  # fmt: skip

    def create(key: str, rounds: int) -> str:
        body = {"data": {"rounds": rounds}}
        answer = stack.call("POST", "/v1/templates/slow/render", key=key, json=body)
        assert answer.status_code == 202
        return str(answer.json()["id"])

    flood = [create(stack.test_key, 3_000_000) for _ in range(TEST_RENDERS)]
    live = stack.finished(create(stack.live_key, 1))
    states = [
        stack.call("GET", f"/v1/renders/{each}", key=stack.test_key).json()["status"]
        for each in flood
    ]
    assert live["status"] == "succeeded"
    assert states.count("queued") >= TEST_RENDERS // 2
    assert [stack.finished(each, key=stack.test_key)["status"] for each in flood] == [
        "succeeded"
    ] * TEST_RENDERS
