"""Seals a finished PDF, in the worker: the key is used where the document is, outside of the child.

pyHanko and the key's client are loaded by the first seal.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from craftkit.clock import to_rfc3339, utc_now
from craftkit.errors import SealNotConfiguredError
from craftkit.seals import keys, timestamps
from craftkit.seals.models import SealOptions
from craftkit.seals.service import current_certificate
from craftkit.typesetter import Job, SealFieldError, Typeset

_APPEARANCE = """\
#import "/craftkit.typ": data, _fonts
#set page(width: {width}pt, height: {height}pt, margin: 0pt)
#set text(font: _fonts, lang: "en")
#let lines = data.lines.filter(line => line != none and line != "")
#let content(size) = {{
  set text(size: size)
  set par(leading: 0.45em, spacing: 0.55em)
  text(weight: "semibold", lines.first())
  for line in lines.slice(1) {{ parbreak(); line }}
}}
#pdf.artifact(context {{
  let room = (width: {width}pt - 8pt, height: {height}pt - 6pt)
  let fitting = range(36, 3, step: -1).map(half => half * 0.25pt).filter(size => {{
    measure(content(size), width: room.width).height <= room.height
  }})
  let size = fitting.at(0, default: 1pt)
  rect(
    width: 100%, height: 100%, inset: (x: 4pt, y: 3pt), stroke: 0.5pt + luma(120),
    align(horizon, content(size)),
  )
}})
"""


@dataclass(frozen=True)
class Sealed:
    """A sealed PDF, and the SHA-256 of the document before."""

    pdf: bytes
    unsealed_sha256: str


def seal_document(pdf: bytes, options: SealOptions, typeset: Typeset) -> Sealed:
    """Seal a PDF with the stage's key.

    Raises:
        SealNotConfiguredError: the stage has no certificate, or it is not valid at present.
        SealFieldError: the field is not on a page of the document.
        KeyUnavailableError, TimestampUnavailableError: a fault that may pass.
    """
    from pdf_seals.sealing import Field, FieldError, Request, Signing, seal

    certificate = current_certificate()
    now = utc_now()
    certificate.require_valid(now)
    if certificate.key != keys.seal_key():
        raise SealNotConfiguredError("The certificate of seals is of another key than the stage's.")
    field = None
    if options.field:
        box = options.field
        field = Field(box.page, float(box.x), float(box.y), float(box.width), float(box.height))
    lines = (
        f"Sealed by {certificate.subject}",
        options.reason,
        options.location,
        to_rfc3339(now).replace("T", " ")[:19] + " UTC",
    )
    request = Request(
        reason=options.reason,
        location=options.location,
        field=field,
        draw=partial(_draw, lines, now, typeset),
    )
    signing = Signing(certificate.chain, partial(keys.sign, certificate), timestamps.caller())
    try:
        sealed = seal(pdf, request, signing)
    except FieldError as error:
        raise SealFieldError(str(error)) from error
    return Sealed(sealed, hashlib.sha256(pdf).hexdigest())


def _draw(
    lines: tuple[str | None, ...], now: datetime, typeset: Typeset, width: float, height: float
) -> bytes:
    """The appearance of a visible field: a page of its size."""
    source = _APPEARANCE.format(width=f"{width:g}", height=f"{height:g}")
    job = Job(
        source=source,
        data={"lines": [line or "" for line in lines]},
        types={},
        locale="en",
        title="Seal",
        created_at=now,
        pdf_standard="a-2b",
    )
    return typeset(job).pdf
