"""A million hostile rich texts: each is parsed into text and known elements only.

    python -m tests.attack.richtext --seed 7 --texts 1000000

Every text is parsed and its tree checked; of each thousand, fifty are typeset as PDF/A and PDF/UA.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import batched

from craftkit.typesetter import Job
from testkit.richtext import check_tree, hostile_texts
from typesetting import typeset

SEED, TEXTS = 1, 1_000_000
_SOURCE = """\
#import "/craftkit.typ": *
= Texts
#for item in data.items [
  #item.markdown
  #item.html
]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--texts", type=int, default=TEXTS)
    arguments = parser.parse_args()
    for batch in batched(hostile_texts(arguments.seed, arguments.texts), 1000, strict=False):
        for text in batch:
            check_tree(text)
        typeset_texts(batch[:50])
    return 0


def typeset_texts(texts: Sequence[str]) -> bytes:
    """One document with all texts; raises on a PDF/UA violation or a Typst error."""
    items = [
        {text_format: content.replace("\0", "")}
        for text_format, _, content in (text.partition(":") for text in texts)
    ]
    job = Job(
        source=_SOURCE,
        data={"items": [{"markdown": None, "html": None} | item for item in items]},
        types={"items": "loop", "items.markdown": "richtext", "items.html": "richtext:html"},
        locale="en",
        title="Texts",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    return typeset(job).pdf


if __name__ == "__main__":
    sys.exit(main())
