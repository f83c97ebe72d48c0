"""The bundle of the code editor is what its sources make."""

import shutil

import pytest

from tools import editor_bundle


def test_the_bundle_matches_its_pinned_sources() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node here to bundle with")
    assert editor_bundle.build() == editor_bundle.BUNDLE.read_bytes()


def test_the_bundle_is_light_enough() -> None:
    """The editor's page may weigh 220 kB once; a browser keeps it for good."""
    import gzip

    assert len(gzip.compress(editor_bundle.BUNDLE.read_bytes(), 6)) <= 160_000
