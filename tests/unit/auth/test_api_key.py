"""A key's format and checksum are verified before any read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from craftkit.auth import api_key
from craftkit.stages import STAGES


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("mode", ["live", "test"])
def test_mint__a_key_belongs_to_its_stage(mode: str, stage: str) -> None:
    assert api_key.stage_of(api_key.mint(mode, stage)) == stage


def test_mint__starts_with_its_mode_and_matches_the_scanners_pattern() -> None:
    key = api_key.mint("live", "prod")
    assert key.startswith("ck_live_")
    assert re.fullmatch(api_key.PATTERN, key)


def test_mint__keys_are_unique() -> None:
    assert len({api_key.mint("test", "local") for _ in range(100)}) == 100


def test_prefix_of__shows_five_random_characters() -> None:
    key = api_key.mint("test", "local")
    assert api_key.prefix_of(key) == key[:13]


@given(st.integers(0, 45), st.sampled_from(api_key.ALPHABET))
def test_stage_of__a_key_with_one_changed_character_has_no_stage(at: int, other: str) -> None:
    key = "ck_live_" + "A1b2C3d4" * 4
    key += api_key._checksum(key, "local")
    changed = key[:at] + other + key[at + 1 :]
    assert changed == key or api_key.stage_of(changed) != "local"


@given(st.text(max_size=80))
def test_stage_of__malformed_text_has_no_stage(text: str) -> None:
    assert api_key.stage_of(text) is None


@pytest.mark.parametrize(
    "text", ["", "ck_live_", "ck_prod_" + "a" * 38, "ck_live_" + "a" * 39, "ck_live_" + "é" * 38]
)
def test_stage_of__similar_texts_have_no_stage(text: str) -> None:
    assert api_key.stage_of(text) is None
