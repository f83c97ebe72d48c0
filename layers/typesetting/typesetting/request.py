"""What the child is sent for a job: JSON for `sys.inputs`, and the files of its root."""

import json
from collections.abc import Mapping
from typing import Any

from craftkit.typesetter import Job

_STANDARDS: Mapping[str, list[str]] = {
    "a-2a+ua-1": ["a-2a", "ua-1"],
    "a-2a": ["a-2a"],
    "a-2b": ["a-2b"],
    "ua-1": ["ua-1"],
    "1.7": ["1.7"],
}


def request(job: Job, form: str, ppi: float | None) -> tuple[dict[str, Any], list[bytes]]:
    """The header and the blobs of the frame that asks for a job."""
    files: dict[str, bytes] = {"template.typ": job.source.encode()}
    files |= {f"fonts/{index}.otf": font for index, font in enumerate(job.fonts.values())}
    header = {
        "format": form,
        "ppi": ppi,
        "files": list(files),
        "inputs": {
            "data": json.dumps(job.data, ensure_ascii=False),
            "craftkit": json.dumps({"title": job.title, "locale": job.locale}),
        },
        "standards": _STANDARDS[job.pdf_standard] if form == "pdf" else [],
        "timestamp": int(job.created_at.timestamp()),
        "watermark": job.watermark and form == "pdf",
    }
    return header, list(files.values())
