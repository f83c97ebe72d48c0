"""Ids that are derived from their content."""

from datetime import timedelta

from craftkit.ids import derived_id, first_id_at, is_id, new_id
from testkit.clock import NOON


def test_derived_id__is_a_uuid_v7_and_the_same_each_time() -> None:
    id_ = derived_id(NOON, "render", "succeeded", "1")
    assert is_id(id_)
    assert id_ == derived_id(NOON, "render", "succeeded", "1")


def test_derived_id__differs_for_different_parts() -> None:
    made = {
        derived_id(NOON, "a", "b"),
        derived_id(NOON, "ab"),
        derived_id(NOON, "a", "c"),
        derived_id(NOON + timedelta(milliseconds=1), "a", "b"),
    }
    assert len(made) == 4


def test_derived_id__sorts_by_its_time() -> None:
    later = NOON + timedelta(milliseconds=1)
    assert derived_id(NOON, "z") < first_id_at(later) < derived_id(later, "a")
    assert first_id_at(NOON) < derived_id(NOON, "a")


def test_derived_id__sorts_together_with_random_ids() -> None:
    assert derived_id(NOON, "a") < new_id()
