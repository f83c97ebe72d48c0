"""POST /v1/exposed-keys in the format of GitHub secret scanning, signed with keys of the tests."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from craftkit import network, project_deletion
from craftkit.auth import api_key
from craftkit.errors import ScannerKeysUnavailableError, UndoRefusedError
from craftkit.keys import service
from craftkit.keys.exposure import report_exposed
from craftkit.keys.models import Exposure
from craftkit.keys.scanner_keys import ScannerKeys, fetch_list
from craftkit.projects import service as projects
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.events import event as load_event
from testkit.project import DemoProject, make_project
from tests.functional.test_keys import entries, verdict


@dataclass
class Scanner:
    """The partner: signs reports and lists its public keys. `asked` has the ETag of each call."""

    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    sent: int = 0
    answer: bytes | None = None
    is_down: bool = False

    def __post_init__(self) -> None:
        self.add("current")

    def add(self, name: str, curve: ec.EllipticCurve | None = None) -> None:
        self.keys[name] = ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def etag(self) -> str:
        return f'"{len(self.keys)}"'

    def fetch(self, etag: str | None) -> network.Fetched:
        self.asked.append(etag)
        if self.is_down:
            raise network.FetchError("no route")
        if self.answer is not None:
            return network.Fetched(200, {}, self.answer, 1)
        if etag == self.etag:
            return network.Fetched(304, {}, b"", 1)
        self.sent += 1
        listed = [
            {
                "key_identifier": name,
                "key": key.public_key()
                .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                .decode(),
                "is_current": True,
            }
            for name, key in self.keys.items()
        ]
        text = json.dumps({"public_keys": listed}).encode()
        return network.Fetched(200, {"etag": self.etag}, text, 1)

    def signed(self, body: str, by: str = "current") -> dict[str, str | None]:
        signature = self.keys[by].sign(body.encode(), ec.ECDSA(hashes.SHA256()))
        return {
            "Github-Public-Key-Identifier": by,
            "Github-Public-Key-Signature": base64.b64encode(signature).decode(),
        }


@pytest.fixture
def scanner() -> Scanner:
    return Scanner()


@pytest.fixture
def report(cloud: Cloud, scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Send a report to the public route, which forwards it to the other function."""
    retire = cloud.module("revoke_exposed_keys")
    monkeypatch.setattr(retire, "keys", ScannerKeys(scanner.fetch))

    class Lambda:
        def invoke(self, *, FunctionName: str, Payload: str) -> Any:  # noqa: N803 boto3's names
            assert FunctionName.endswith(":live")
            answer = json.dumps(cloud.invoke("revoke_exposed_keys", json.loads(Payload)))

            class Stream:
                def read(self) -> bytes:
                    return answer.encode()

            return {"Payload": Stream()}

    monkeypatch.setattr("craftkit.keys.report_forwarding._client", Lambda)

    def send(reports: Any, headers: dict[str, str | None] | None = None) -> Any:
        body = reports if isinstance(reports, str) else json.dumps(reports)
        sent = load_event("report_exposed_keys", body=body, headers=headers or scanner.signed(body))
        return cloud.invoke("report_exposed_keys", sent)

    return send


def found(text: str, url: str = "https://github.com/octocat/Hello-World/blob/1/a.txt") -> Any:
    return {"token": text, "type": "craftkit_api_key", "url": url, "source": "content"}


def labels(answer: Any) -> list[str]:
    assert answer["statusCode"] == 200, answer["body"]
    return [finding["label"] for finding in json.loads(answer["body"])]


def test_report__a_valid_key_is_revoked_and_an_event_sent(
    cloud: Cloud, project: DemoProject, report: Any
) -> None:
    answer = report([found(project.key.cleartext)])
    assert json.loads(answer["body"]) == [
        {
            "token_hash": api_key.hash_of(project.key.cleartext),
            "token_type": "craftkit_api_key",
            "label": "true_positive",
        }
    ]
    assert verdict(project.key.cleartext) == "revoked"
    [entry] = entries(cloud, "key.exposed")
    assert entry["target"] == project.key.key.id
    assert entry["details"]["answer"] == "revoked"
    assert entry["details"]["url"].startswith("https://github.com/octocat")
    with pytest.raises(UndoRefusedError):
        service.undo_revocation(project.key.key.id, by="tester")


def test_report__with_the_alert_policy_only_an_event_is_sent(
    cloud: Cloud, project: DemoProject, report: Any
) -> None:
    projects.set_exposure_policy(project.id, "alert", by="tester")
    assert labels(report([found(project.key.cleartext)])) == ["true_positive"]
    assert verdict(project.key.cleartext) == "allowed"
    [entry] = entries(cloud, "key.exposed")
    assert entry["details"]["answer"] == "alerted"


def test_report__a_replay_changes_nothing(cloud: Cloud, project: DemoProject, report: Any) -> None:
    for _ in range(3):
        assert labels(report([found(project.key.cleartext)])) == ["true_positive"]
    assert len(entries(cloud, "key.exposed")) == len(entries(cloud, "key.revoked")) == 1


def test_report__a_key_within_other_text_is_found(project: DemoProject, report: Any) -> None:
    text = f"Authorization: Bearer {project.key.cleartext}"
    assert labels(report([found(text)])) == ["true_positive"]
    assert verdict(project.key.cleartext) == "revoked"


def test_report__an_unknown_key_and_garbage_are_false_alarms(cloud: Cloud, report: Any) -> None:
    unknown = api_key.mint("live", "local")
    assert (
        labels(report([found(unknown), found("ck_live_nonsense"), found("")]))
        == ["false_positive"] * 3
    )


def test_report__a_key_of_another_stage_is_not_reported(cloud: Cloud, report: Any) -> None:
    assert labels(report([found(api_key.mint("live", "prod"))])) == []


def test_report__a_key_of_a_deleted_project_does_not_block_the_others(
    cloud: Cloud, project: DemoProject, report: Any
) -> None:
    deleted, expired = make_project(), make_project()
    project_deletion.delete_project(deleted.id, by="tester")
    cloud.table("KeysTable").delete_item(Key={"key_hash": f"key#{expired.key.key.id}"})
    tokens = [each.key.cleartext for each in (deleted, expired, project)]
    assert labels(report([found(token) for token in tokens])) == ["true_positive"] * 3
    assert verdict(project.key.cleartext) == "revoked"


def test_report__an_ended_secret_revokes_nothing(project: DemoProject, report: Any) -> None:
    minted = service.rotate_key(project.key.key.id, by="tester")
    service.end_rotation(project.key.key.id, by="tester")
    assert labels(report([found(project.key.cleartext)])) == ["true_positive"]
    assert verdict(minted.cleartext) == "allowed"


@pytest.mark.parametrize("which", ["old", "new"])
def test_report__during_a_rotation_ends_the_reported_secret_alone(
    cloud: Cloud, project: DemoProject, report: Any, which: str
) -> None:
    minted = service.rotate_key(project.key.key.id, by="tester")
    reported, other = project.key.cleartext, minted.cleartext
    if which == "new":
        reported, other = other, reported
    assert labels(report([found(reported)])) == ["true_positive"]
    assert (verdict(reported), verdict(other)) == ("expired", "allowed")
    [entry] = entries(cloud, "key.exposed")
    assert entry["details"]["answer"] == "secret_ended"
    assert entry["details"]["prefix"] == api_key.prefix_of(reported)
    service.revoke_key(project.key.key.id, by="tester")
    service.undo_revocation(project.key.key.id, by="tester")
    assert (verdict(reported), verdict(other)) == ("expired", "allowed")


def test_report__1000_tokens_need_one_read_for_each_hundred(
    cloud: Cloud, project: DemoProject, report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    call = BaseClient._make_api_call

    def counting(client: Any, operation: str, parameters: Any) -> Any:
        if operation == "BatchGetItem":
            read.extend(len(asked["Keys"]) for asked in parameters["RequestItems"].values())
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counting)
    tokens = [api_key.mint("test", "local") for _ in range(998)]
    tokens += ["garbage", project.key.cleartext]
    found_labels = labels(report([found(each) for each in tokens]))
    assert found_labels.count("false_positive") == 999
    assert found_labels[-1] == "true_positive"
    assert len(read) == 10
    assert sum(read) == 999


def test_report__a_key_in_a_url_is_not_stored(
    cloud: Cloud, project: DemoProject, report: Any
) -> None:
    report([found(project.key.cleartext, f"https://a.example/?key={project.key.cleartext}")])
    [entry] = entries(cloud, "key.exposed")
    assert entry["details"]["url"] == "https://a.example/?key=ck_test_…"


@pytest.mark.parametrize("missing", ["Github-Public-Key-Identifier", "Github-Public-Key-Signature"])
def test_report__without_a_signature_is_401_and_not_forwarded(
    cloud: Cloud, project: DemoProject, scanner: Scanner, report: Any, missing: str
) -> None:
    body = json.dumps([found(project.key.cleartext)])
    answer = report(body, scanner.signed(body) | {missing: None})
    assert answer["statusCode"] == 401
    assert '"code":"invalid_signature"' in answer["body"]
    assert verdict(project.key.cleartext) == "allowed"
    assert scanner.asked == []


def test_report__with_a_bad_signature_is_401(
    project: DemoProject, scanner: Scanner, report: Any
) -> None:
    body = json.dumps([found(project.key.cleartext)])
    forger = Scanner()
    bad = [
        forger.signed(body),
        scanner.signed(body + " "),
        scanner.signed(body) | {"Github-Public-Key-Signature": "not base64!"},
        scanner.signed(body) | {"Github-Public-Key-Signature": "AAAA"},
        scanner.signed(body) | {"Github-Public-Key-Identifier": "unknown"},
    ]
    for headers in bad:
        assert report(body, headers)["statusCode"] == 401
    assert verdict(project.key.cleartext) == "allowed"


def test_report__a_key_on_another_curve_is_refused(
    project: DemoProject, scanner: Scanner, report: Any
) -> None:
    scanner.add("large", ec.SECP384R1())
    body = json.dumps([found(project.key.cleartext)])
    assert report(body, scanner.signed(body, "large"))["statusCode"] == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("nonsense", "invalid_json"),
        ("{}", "invalid_request"),
        ('[{"type": "x"}]', "invalid_request"),
        ('[{"token": 1}]', "invalid_request"),
        ("[" * 100_000, "invalid_json"),
    ],
)
def test_report__a_signed_body_that_is_no_list_is_400(
    cloud: Cloud, report: Any, body: str, code: str
) -> None:
    answer = report(body)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (400, code)


@pytest.fixture
def instance(cloud: Cloud, scanner: Scanner, clock: FrozenClock) -> Callable[[], ScannerKeys]:
    """One more running instance of the stage."""
    return lambda: ScannerKeys(scanner.fetch)


class TestScannerKeys:
    def test_scanner_keys__are_fetched_once_a_day_for_all_instances(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        for _ in range(5):
            assert instance().get("current")
        assert scanner.asked == [None]
        clock.advance(hours=25)
        for _ in range(5):
            assert instance().get("current")
        assert scanner.asked == [None, scanner.etag]

    def test_scanner_keys__an_unchanged_list_is_kept(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        instance().get("current")
        for _ in range(3):
            clock.advance(hours=25)
            assert instance().get("current")
        assert scanner.sent == 1

    def test_scanner_keys__unknown_identifiers_cause_at_most_twelve_fetches_an_hour(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        instance().get("current")
        keys = [instance() for _ in range(3)]
        for second in range(0, 3600, 20):
            clock.advance(seconds=20)
            with suppress(ScannerKeysUnavailableError):
                assert keys[second % 3].get(f"made up {second}") is None
        assert len(scanner.asked) <= 13

    def test_scanner_keys__a_new_key_is_found_after_the_shared_wait(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        one, other = instance(), instance()
        one.get("current")
        scanner.add("next")
        clock.advance(minutes=2)
        with pytest.raises(ScannerKeysUnavailableError) as refused:
            one.get("next")
        assert refused.value.headers["Retry-After"] == "180"
        clock.advance(minutes=3)
        assert other.get("next")
        assert one.get("next")
        assert len(scanner.asked) == 2

    def test_scanner_keys__a_known_key_is_accepted_while_the_list_is_unavailable(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        instance().get("current")
        scanner.is_down = True
        clock.advance(days=2)
        assert instance().get("current")

    def test_scanner_keys__the_wait_doubles_with_each_failure_up_to_an_hour(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        scanner.is_down = True
        for _ in range(24 * 60):
            with pytest.raises(ScannerKeysUnavailableError):
                instance().get("current")
            clock.advance(minutes=1)
        assert 24 <= len(scanner.asked) <= 30

    def test_scanner_keys__an_invalid_response_changes_nothing(
        self, instance: Any, scanner: Scanner, clock: FrozenClock
    ) -> None:
        instance().get("current")
        for answer in (b"", b"[]", b'{"public_keys": [{"key": "x"}]}', b"\xff"):
            clock.advance(hours=25)
            scanner.answer = answer
            assert instance().get("current")

    def test_scanner_keys__are_fetched_from_the_address_of_the_stage(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []

        def fetch(url: str, *_: Any, headers: dict[str, str]) -> network.Fetched:
            asked.append((url, headers.get("If-None-Match")))
            return network.Fetched(200, {}, b"{}", 1)

        monkeypatch.setattr(network, "fetch", fetch)
        fetch_list(None)
        fetch_list('"etag"')
        url = "https://api.github.com/meta/public_keys/secret_scanning"
        assert asked == [(url, None), (url, '"etag"')]


def test_report__is_503_while_the_scanner_keys_are_unavailable(
    project: DemoProject, scanner: Scanner, report: Any
) -> None:
    scanner.is_down = True
    answer = report([found(project.key.cleartext)])
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["code"]) == (503, "scanner_keys_unavailable")
    assert int(answer["headers"]["Retry-After"]) >= 5
    assert verdict(project.key.cleartext) == "allowed"


class TestPattern:
    def test_the_scanners_expression_matches_exactly_the_key(
        self,
    ) -> None:
        key = api_key.mint("live", "prod")
        for text in (key, f'KEY="{key}"', f"Bearer {key}\n", f"?key={key}&x=1"):
            assert api_key.find_in(text) == key
        for text in (f"x{key}", f"{key}x", key[:-1], key.replace("ck_", "sk_")):
            assert api_key.find_in(text) is None

    def test_a_random_string_of_the_key_format_fails_the_checksum(self) -> None:
        tries = ["ck_live_" + f"{number:038d}" for number in range(2000)]
        assert [text for text in tries if api_key.stage_of(text)] == []

    def test_keys_are_removed_from_a_text(self) -> None:
        key = api_key.mint("test", "local")
        assert api_key.without_keys(f"a {key} b {key}") == "a ck_test_… b ck_test_…"


def test_a_report_of_an_operator_acts_like_a_report_of_a_scanner(cloud: Cloud) -> None:
    project = make_project()
    report = Exposure(token=project.key.cleartext, source="operator")
    assert report_exposed([report], by="ada") == ["handled"]
    assert verdict(project.key.cleartext) == "revoked"
