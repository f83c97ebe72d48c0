"""The editor's completions are the prelude's functions."""

import re

from dashboard.prelude import WORDS
from testkit.template import ROOT

_INTERNAL = {"data", "document-frame"}


def test_every_function_of_the_prelude_is_completed() -> None:
    prelude = ROOT / "layers" / "typesetting" / "typesetting" / "craftkit.typ"
    text = prelude.read_text(encoding="utf-8")
    public = set(re.findall(r"^#let ([a-z][a-z0-9-]*)(?:\(| =)", text, re.M)) - _INTERNAL
    assert {name for name, _ in WORDS} == public
