"""The key policy of a project: longest life of a secret, and revocation of unused keys."""

from datetime import timedelta
from typing import Any

import pytest

from craftkit.auth import api_key
from craftkit.auth.lookup import find_key
from craftkit.auth.verify import verify_key
from craftkit.clock import utc_now
from craftkit.errors import InvalidRequestError
from craftkit.keys import policies, repository, service, views
from craftkit.keys.models import MintedKey, NewKey
from craftkit.projects.models import KeyPolicy
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.events import event as load_event
from testkit.project import DemoProject, make_project
from tests.functional.test_cli import craftkit, key, project_id

__all__ = ["craftkit", "key", "project_id"]

BY = "tester"
DAY = timedelta(days=1)


def verdict(cleartext: str) -> str:
    return verify_key(cleartext, stage="local", lookup=find_key, now=utc_now()).verdict.value


def create(project: DemoProject, **fields: Any) -> MintedKey:
    return service.create_key(project.id, NewKey(name="Key", mode="live", **fields), by=BY)


def set_policy(project: DemoProject, **days: int) -> None:
    policies.set_key_policy(project.id, KeyPolicy(**days), by=BY)


class Stage:
    """The hourly run, and calls with a key."""

    def __init__(self, cloud: Cloud, clock: FrozenClock) -> None:
        self.cloud, self.clock = cloud, clock

    def pass_days(self, days: int, *, used: str | None = None) -> None:
        for _ in range(days * 2):
            self.clock.advance(hours=12)
            if used:
                self.use(used)
            self.cloud.invoke("expire_keys", load_event("expire_keys"))

    def use(self, cleartext: str) -> None:
        sent = load_event("authorize", headers={"Authorization": f"Bearer {cleartext}"})
        self.cloud.invoke("authorize", sent)
        self.cloud.module("authorize").activity.flush(self.clock(), everything=True)

    def events(self, action: str, key_id: str) -> list[dict[str, str]]:
        found = self.cloud.table("AuditTable").scan()["Items"]
        return [
            each["details"]
            for each in sorted(found, key=lambda item: str(item["sk"]))
            if each["action"] == action and each["target"] == key_id
        ]


@pytest.fixture
def stage(cloud: Cloud, clock: FrozenClock) -> Stage:
    return Stage(cloud, clock)


class TestLongestLife:
    def test_a_longer_life_is_refused_with_the_days_that_are_allowed(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, longest_life_days=90)
        with pytest.raises(InvalidRequestError) as refused:
            create(project, expires_at=utc_now() + 91 * DAY)
        assert refused.value.issues
        assert refused.value.issues.field_errors == {
            "expiresAt": [
                "Must be at most 90 days from now: the project's key policy allows no longer life"
            ]
        }
        assert len(service.list_keys(project.id)[0]) == 1
        assert create(project, expires_at=utc_now() + 90 * DAY)

    def test_a_key_without_an_expiry_expires_unless_it_is_rotated(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, longest_life_days=90)
        left, rotated = create(project), create(project)
        assert views.show_key(left.key.id).expires_at == utc_now() + 90 * DAY
        stage.pass_days(89)
        second = service.rotate_key(rotated.key.id, by=BY)
        assert verdict(rotated.cleartext) == verdict(left.cleartext) == "allowed"
        stage.pass_days(1)
        # The old secret ends with its own life, although the new one was never used.
        assert verdict(left.cleartext) == verdict(rotated.cleartext) == "expired"
        assert verdict(second.cleartext) == "allowed"
        stage.pass_days(88)
        assert verdict(second.cleartext) == "allowed"
        stage.pass_days(1)
        assert verdict(second.cleartext) == "expired"

    def test_every_life_has_its_reminders(self, stage: Stage, project: DemoProject) -> None:
        set_policy(project, longest_life_days=30)
        minted = create(project)
        stage.pass_days(28)
        service.rotate_key(minted.key.id, by=BY)
        stage.pass_days(31)
        events = stage.events("key.expiring", minted.key.id)
        assert [each["days"] for each in events] == ["14", "3", "14", "3", "1"]
        assert {each["cause"] for each in events} == {"expiry"}

    def test_a_grace_beyond_the_longest_life_is_refused(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, longest_life_days=7)
        minted = create(project)
        with pytest.raises(InvalidRequestError) as refused:
            service.rotate_key(minted.key.id, by=BY, grace=8 * DAY)
        assert refused.value.issues
        assert "at most 7 days" in refused.value.issues.field_errors["grace"][0]
        assert len(service.get_key(minted.key.id).secrets) == 1

    def test_existing_keys_have_their_life_and_two_weeks_at_least(
        self, stage: Stage, project: DemoProject
    ) -> None:
        old = project.key
        stage.pass_days(200)
        young = create(project)
        stage.pass_days(10)
        set_policy(project, longest_life_days=90)
        assert views.show_key(old.key.id).expires_at == utc_now() + 14 * DAY
        assert views.show_key(young.key.id).expires_at == utc_now() + 80 * DAY
        stage.pass_days(10)
        set_policy(project, longest_life_days=90)  # again: postpones nothing
        assert views.show_key(old.key.id).expires_at == utc_now() + 4 * DAY
        stage.pass_days(4)
        assert verdict(old.cleartext) == "expired"
        assert verdict(young.cleartext) == "allowed"

    def test_a_removed_policy_leaves_ended_keys_ended(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, longest_life_days=30)
        ended = create(project)
        stage.pass_days(20)
        living = create(project)
        stage.pass_days(10)
        set_policy(project)
        assert verdict(ended.cleartext) == "expired"
        stage.pass_days(40)
        assert verdict(living.cleartext) == "allowed"
        assert views.show_key(living.key.id).expires_at is None

    def test_a_key_that_is_created_while_the_policy_is_set_follows_it(
        self, stage: Stage, project: DemoProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, calls = repository.create, []

        def set_between(*args: Any, **how: Any) -> None:
            calls.append(args)
            if len(calls) == 1:
                set_policy(project, longest_life_days=30)
            write(*args, **how)

        monkeypatch.setattr(repository, "create", set_between)
        minted = create(project)
        assert len(calls) == 2
        assert views.show_key(minted.key.id).expires_at == utc_now() + 30 * DAY

    def test_the_authorizer_still_reads_one_item(
        self, stage: Stage, project: DemoProject, cloud: Cloud
    ) -> None:
        set_policy(project, longest_life_days=30, unused_days=10)
        minted = create(project)
        item = cloud.table("KeysTable").get_item(
            Key={"key_hash": api_key.hash_of(minted.cleartext)}
        )["Item"]
        assert "expires_at" in item
        assert not {"longest_life_days", "unused_days", "ends_by"} & set(item)


class TestUnusedKeys:
    def test_an_unused_key_is_revoked_after_reminders(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, unused_days=30)
        unused, used = create(project), create(project)
        stage.pass_days(29, used=used.cleartext)
        assert verdict(unused.cleartext) == "allowed"
        events = stage.events("key.expiring", unused.key.id)
        assert [(each["days"], each["cause"]) for each in events] == [
            ("14", "unused"),
            ("3", "unused"),
            ("1", "unused"),
        ]
        stage.pass_days(1, used=used.cleartext)
        assert verdict(unused.cleartext) == "revoked"
        [revoked] = stage.events("key.revoked", unused.key.id)
        assert revoked["reason"] == "Not used for 30 days."
        assert verdict(used.cleartext) == "allowed"
        assert stage.events("key.expiring", used.key.id) == []

    def test_one_use_starts_the_time_again(self, stage: Stage, project: DemoProject) -> None:
        set_policy(project, unused_days=30)
        minted = create(project)
        stage.pass_days(28)
        stage.use(minted.cleartext)
        stage.pass_days(29)
        assert verdict(minted.cleartext) == "allowed"
        events = stage.events("key.expiring", minted.key.id)
        assert [each["days"] for each in events] == ["14", "3", "14", "3", "1"]
        stage.pass_days(1)
        assert verdict(minted.cleartext) == "revoked"

    def test_existing_keys_have_the_whole_time_from_when_the_policy_is_set(
        self, stage: Stage, project: DemoProject
    ) -> None:
        stage.pass_days(100)
        set_policy(project, unused_days=7)
        stage.pass_days(6)
        assert verdict(project.key.cleartext) == "allowed"
        stage.pass_days(1)
        assert verdict(project.key.cleartext) == "revoked"

    def test_the_use_of_the_old_secret_counts_during_a_rotation(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, unused_days=10)
        service.rotate_key(project.key.key.id, by=BY)
        stage.pass_days(30, used=project.key.cleartext)
        assert verdict(project.key.cleartext) == "allowed"

    def test_an_undone_revocation_has_the_whole_time_again(
        self, stage: Stage, project: DemoProject
    ) -> None:
        set_policy(project, unused_days=5)
        stage.pass_days(5)
        assert verdict(project.key.cleartext) == "revoked"
        service.undo_revocation(project.key.key.id, by=BY)
        stage.pass_days(4)
        assert verdict(project.key.cleartext) == "allowed"
        stage.pass_days(1)
        assert verdict(project.key.cleartext) == "revoked"

    def test_a_removed_policy_revokes_nothing(self, stage: Stage, project: DemoProject) -> None:
        set_policy(project, unused_days=5)
        stage.pass_days(4)
        set_policy(project)
        stage.pass_days(30)
        assert verdict(project.key.cleartext) == "allowed"

    def test_keys_of_other_projects_are_left_alone(
        self, stage: Stage, project: DemoProject
    ) -> None:
        other = make_project("live")
        set_policy(project, unused_days=5, longest_life_days=5)
        stage.pass_days(30)
        assert verdict(other.key.cleartext) == "allowed"


def test_cli__sets_each_rule_alone_and_audits_it(
    craftkit: Any, project_id: str, cloud: Cloud
) -> None:
    words = ("projects", "set-key-policy", "--project", project_id)
    run = craftkit(*words, "--longest-life", "90d")
    assert run.out["keyPolicy"] == {"longestLifeDays": 90, "unusedDays": None}
    run = craftkit(*words, "--retire-unused", "60d")
    assert run.out["keyPolicy"] == {"longestLifeDays": 90, "unusedDays": 60}
    create = ("keys", "create", "--project", project_id, "--name", "K", "--mode", "live")
    refused = craftkit(*create, "--expires-in", "91d")
    assert refused.exit_code == 1
    fields = refused.error["error"]["issues"]["fieldErrors"]
    assert "at most 90 days" in fields["expiresAt"][0]
    assert craftkit(*create).out["expiresAt"] is not None
    run = craftkit(*words, "--longest-life", "none")
    assert run.out["keyPolicy"] == {"longestLifeDays": None, "unusedDays": 60}
    entries = craftkit("audit", "list", "--project", project_id).out["entries"]
    events = [each["details"] for each in entries if each["action"] == "project.key_policy_set"]
    assert events[-1] == {"longest_life_days": "90", "unused_days": "none"}
    assert len(events) == 3


@pytest.mark.parametrize("given", ["0d", "90", "12h", "9999d", "-1d", ""])
def test_cli__refuses_what_is_no_number_of_days(craftkit: Any, project_id: str, given: str) -> None:
    words = ("projects", "set-key-policy", "--project", project_id)
    run = craftkit(*words, f"--longest-life={given}")
    assert run.exit_code == 1
    assert "give 1d to 3650d" in run.error["error"]["message"]


def test_cli__needs_a_rule(craftkit: Any, project_id: str) -> None:
    run = craftkit("projects", "set-key-policy", "--project", project_id)
    assert "Give --longest-life or --retire-unused" in run.error["error"]["message"]
