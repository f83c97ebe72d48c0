"""The code editor's bundle matches its sources."""

import shutil

import pytest

from tools import editor_bundle


def test_the_bundle_matches_its_pinned_sources() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node here to bundle with")
    assert editor_bundle.build() == editor_bundle.BUNDLE.read_bytes()


def test_the_bundle_is_below_its_maximum_size() -> None:
    """The editor's bundle is at most 220 kB; browsers cache it permanently."""
    import gzip

    assert len(gzip.compress(editor_bundle.BUNDLE.read_bytes(), 6)) <= 160_000
