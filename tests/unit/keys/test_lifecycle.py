"""The changes of a key's life cycle."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from craftkit.errors import (
    KeyNotActiveError,
    NoRotationError,
    RotationUnderWayError,
    UndoRefusedError,
)
from craftkit.keys import lifecycle
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Key, Secret
from testkit.clock import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def secret(name: str, **fields: Any) -> Secret:
    return Secret(hash=name, prefix=f"ck_live_{name}", created_at=NOON, **fields)


def key(*secrets: Secret, **fields: Any) -> Key:
    return Key(
        id="019cec2a-2000-7000-8000-000000000001",
        project_id="project",
        name="API",
        mode="live",
        scopes=("renders:write",),
        secrets=secrets or (secret("first"),),
        created_at=NOON,
        created_by="ada",
        **fields,
    )


def rotated(grace: timedelta = DAY) -> Key:
    return lifecycle.rotate(key(), secret("second", grace=grace), NOON).key


def in_grace(grace: timedelta = DAY, used_at: datetime = NOON) -> Key:
    step = lifecycle.start_grace(rotated(grace), "ck_live_second", used_at, used_at)
    assert step
    return step.key


def expose(
    of: Key, prefix: str = "ck_live_first", *, url: str = "https://a.example", is_revoked: bool
) -> Step | None:
    return lifecycle.expose(of, prefix, url, "content", NOON, is_revoked=is_revoked)


def actions(step: Step | None) -> list[str]:
    return [event.action for event in step.events] if step else []


class TestRotate:
    def test_both_secrets_are_valid_until_the_new_one_is_used(self) -> None:
        later = NOON + timedelta(days=365)
        previous = rotated().previous(later)
        assert previous
        assert previous.prefix == "ck_live_first"
        assert previous.expires_at is None

    def test_the_grace_begins_with_the_first_use_of_the_new_secret(self) -> None:
        used_at = NOON + 5 * DAY
        previous = in_grace(used_at=used_at).previous(used_at)
        assert previous
        assert previous.expires_at == used_at + DAY

    def test_a_grace_of_zero_ends_the_old_secret_at_the_first_use(self) -> None:
        assert in_grace(timedelta(0)).previous(NOON) is None

    def test_the_grace_begins_once(self) -> None:
        again = lifecycle.start_grace(in_grace(), "ck_live_second", NOON + HOUR, NOON + HOUR)
        assert again is None

    def test_a_use_of_the_old_secret_does_not_start_the_grace(self) -> None:
        assert lifecycle.start_grace(rotated(), "ck_live_first", NOON, NOON) is None

    def test_a_use_in_the_future_counts_from_now(self) -> None:
        step = lifecycle.start_grace(rotated(), "ck_live_second", NOON + HOUR, NOON)
        assert step
        assert step.key.secrets[0].expires_at == NOON + DAY

    def test_a_second_rotation_is_refused_during_the_first(self) -> None:
        for under_way in (rotated(), in_grace()):
            with pytest.raises(RotationUnderWayError):
                lifecycle.rotate(under_way, secret("third"), NOON)

    def test_a_second_rotation_is_accepted_after_the_grace(self) -> None:
        step = lifecycle.rotate(in_grace(), secret("third", grace=DAY), NOON + 2 * DAY)
        previous = step.key.previous(NOON + 2 * DAY)
        assert previous
        assert previous.prefix == "ck_live_second"

    def test_a_replaced_secret_starts_a_new_grace(self) -> None:
        step = lifecycle.rotate(in_grace(), secret("third", grace=DAY), NOON, replace=True)
        assert [one.prefix for one in step.key.secrets] == ["ck_live_first", "ck_live_third"]
        assert step.key.secrets[0].expires_at is None

    @pytest.mark.parametrize("how", [{"revoked_at": NOON}, {"expires_at": NOON}])
    def test_an_ended_key_is_not_rotated(self, how: dict[str, Any]) -> None:
        with pytest.raises(KeyNotActiveError):
            lifecycle.rotate(key(**how), secret("second"), NOON)

    def test_ended_secrets_are_deleted_after_a_time(self) -> None:
        turned, now = key(), NOON
        for number in range(20):
            turned = lifecycle.rotate(turned, secret(f"s{number}"), now).key
            turned = lifecycle.end_rotation(turned, now).key
            now += HOUR
        assert len(turned.secrets) <= 7
        assert turned.prefix == "ck_live_s19"

    def test_a_rotation_can_be_ended(self) -> None:
        step = lifecycle.end_rotation(in_grace(), NOON + HOUR)
        assert step.key.previous(NOON + HOUR) is None
        assert actions(step) == ["key.rotation_ended"]

    def test_ending_without_a_rotation_is_refused(self) -> None:
        with pytest.raises(NoRotationError):
            lifecycle.end_rotation(key(), NOON)


class TestQuiet:
    def test_an_unused_old_secret_is_reported_once_after_a_day(self) -> None:
        step = lifecycle.expire(in_grace(10 * DAY), NOON - HOUR, NOON + DAY)
        assert actions(step) == ["key.previous_secret_quiet"]
        assert step.key.quiet_since == NOON
        assert actions(lifecycle.expire(step.key, NOON - HOUR, NOON + DAY + HOUR)) == []

    def test_a_used_old_secret_is_not_reported(self) -> None:
        assert lifecycle.quiet_since(in_grace(10 * DAY), NOON + HOUR, NOON + DAY) is None

    def test_unused_secrets_before_the_first_use_are_not_reported_as_quiet(self) -> None:
        assert lifecycle.quiet_since(rotated(), None, NOON + 10 * DAY) is None


class TestRevoke:
    def test_a_second_revocation_changes_nothing(self) -> None:
        step = lifecycle.revoke(key(), "leaving", NOON)
        assert step
        assert lifecycle.revoke(step.key, "again", NOON + HOUR) is None

    @pytest.mark.parametrize(("minutes", "is_undone"), [(0, True), (60, True), (61, False)])
    def test_a_revocation_can_be_undone_within_the_hour(
        self, minutes: int, is_undone: bool
    ) -> None:
        revoked = key(revoked_at=NOON)
        now = NOON + timedelta(minutes=minutes)
        if is_undone:
            step = lifecycle.restore(revoked, now)
            assert step
            assert step.key.revoked_at is None
        else:
            with pytest.raises(UndoRefusedError):
                lifecycle.restore(revoked, now)

    def test_an_undo_of_what_is_not_revoked_changes_nothing(self) -> None:
        assert lifecycle.restore(key(), NOON) is None

    def test_a_revocation_of_an_exposed_key_cannot_be_undone(self) -> None:
        step = expose(key(), url="https://example.com", is_revoked=True)
        assert step
        with pytest.raises(UndoRefusedError):
            lifecycle.restore(step.key, NOON)

    def test_a_revocation_cannot_be_undone_after_an_exposure(self) -> None:
        step = lifecycle.expose(
            key(revoked_at=NOON),
            "ck_live_first",
            "https://example.com",
            "content",
            NOON,
            is_revoked=True,
        )
        assert actions(step) == ["key.exposed"]
        assert step
        with pytest.raises(UndoRefusedError):
            lifecycle.restore(step.key, NOON)


class TestExpose:
    def test_the_revoke_policy_revokes_the_key(self) -> None:
        step = expose(key(), is_revoked=True)
        assert actions(step) == ["key.exposed", "key.revoked"]
        assert step
        assert step.key.status(NOON) == "revoked"

    def test_the_alert_policy_only_sends_the_event(self) -> None:
        step = expose(key(), is_revoked=False)
        assert actions(step) == ["key.exposed"]
        assert step
        assert step.key.status(NOON) == "active"

    @pytest.mark.parametrize("is_revoked", [True, False])
    def test_a_replay_changes_nothing(self, is_revoked: bool) -> None:
        report = ("https://a.example", "content", NOON)
        first = lifecycle.expose(key(), "ck_live_first", *report, is_revoked=is_revoked)
        assert first
        assert lifecycle.expose(first.key, "ck_live_first", *report, is_revoked=is_revoked) is None

    def test_each_further_place_is_reported_up_to_a_limit(self) -> None:
        exposed, reported = key(), 0
        for number in range(50):
            step = lifecycle.expose(
                exposed,
                "ck_live_first",
                f"https://{number}.example",
                "content",
                NOON,
                is_revoked=False,
            )
            exposed, reported = (step.key, reported + 1) if step else (exposed, reported)
        assert reported == lifecycle.EXPOSED_URLS_KEPT

    def test_only_the_reported_secret_ends_during_a_rotation(self) -> None:
        step = expose(in_grace(), is_revoked=True)
        assert actions(step) == ["key.exposed", "key.rotation_ended"]
        assert step
        assert step.key.status(NOON) == "active"
        assert step.key.prefix == "ck_live_second"
        assert step.key.previous(NOON) is None

    def test_the_old_secret_is_current_again_where_the_new_one_was_reported(self) -> None:
        step = expose(in_grace(), "ck_live_second", is_revoked=True)
        assert step
        assert (step.key.prefix, step.key.current.expires_at) == ("ck_live_first", None)
        assert step.key.previous(NOON) is None
        assert lifecycle.rotate(step.key, secret("third"), NOON).key.prefix == "ck_live_third"

    def test_a_report_of_an_ended_secret_changes_nothing(self) -> None:
        ended = lifecycle.end_rotation(rotated(), NOON).key
        step = expose(ended, is_revoked=True)
        assert step is None

    def test_a_revocation_can_be_undone_once_the_exposed_secret_has_ended(self) -> None:
        exposed = expose(rotated(), is_revoked=False)
        assert exposed
        revoked = lifecycle.revoke(lifecycle.end_rotation(exposed.key, NOON).key, None, NOON)
        assert revoked
        assert actions(lifecycle.restore(revoked.key, NOON)) == ["key.revocation_undone"]

    def test_a_second_exposed_secret_is_reported_despite_many_places(self) -> None:
        places = tuple(f"https://{number}.example" for number in range(10))
        known = key(exposed_at=NOON, exposed_urls=places)
        step = expose(known, url="https://new.example", is_revoked=False)
        assert actions(step) == ["key.exposed"]


class TestReminders:
    def remind(self, life_days: float, at_days: list[float]) -> list[str]:
        """The expiry reminders of a key that is checked at these times."""
        expires_at = NOON + timedelta(days=life_days)
        passed = lifecycle.passed_reminder(expires_at, NOON)
        current, days = key(expires_at=expires_at, reminded_days=passed), []
        for at in at_days:
            step = lifecycle.expire(current, None, NOON + timedelta(days=at))
            current = step.key
            days += [event.details["days"] for event in step.events]
        return days

    def test_reminders_are_sent_14_3_and_1_days_before_the_expiry(self) -> None:
        assert self.remind(30, [x / 4 for x in range(125)]) == ["14", "3", "1"]

    def test_reminders_before_the_creation_are_omitted(self) -> None:
        assert self.remind(10, [0, 5, 8, 9.5]) == ["3", "1"]
        assert self.remind(0.5, [0, 0.1, 0.4]) == []

    def test_missed_reminders_are_sent_as_one(self) -> None:
        assert self.remind(30, [0, 28]) == ["3"]

    def test_no_reminder_is_sent_after_the_expiry(self) -> None:
        assert self.remind(30, [0, 31]) == []

    def test_reminders_set_the_due_time_of_the_index(self) -> None:
        expires_at = NOON + timedelta(days=30)
        assert lifecycle.due_at(key(expires_at=expires_at), NOON) == NOON + timedelta(days=16)
        last = key(expires_at=expires_at, reminded_days=1)
        assert lifecycle.due_at(last, NOON) is None


class TestDue:
    def test_a_key_without_expiry_has_no_due_time(self) -> None:
        assert lifecycle.due_at(key(), NOON) is None

    def test_a_revoked_key_has_no_due_time(self) -> None:
        revoked = key(revoked_at=NOON, expires_at=NOON + timedelta(days=30))
        assert lifecycle.due_at(revoked, NOON) is None

    def test_a_rotation_has_a_due_time(self) -> None:
        assert lifecycle.due_at(rotated(), NOON) == NOON + DAY
        assert lifecycle.due_at(in_grace(10 * DAY), NOON) == NOON + HOUR

    def test_an_ended_secret_has_a_due_time_for_its_deletion(self) -> None:
        ended = lifecycle.end_rotation(in_grace(), NOON).key
        at = lifecycle.due_at(ended, NOON)
        assert at == NOON + lifecycle.RETIRED_KEPT_FOR
        assert [one.prefix for one in lifecycle.expire(ended, None, at).key.secrets] == [
            "ck_live_second"
        ]
