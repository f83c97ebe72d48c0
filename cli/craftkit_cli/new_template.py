"""`craftkit templates new`: writes the files of a template of the gallery. Needs no stack."""

import argparse
import json
from pathlib import Path
from typing import Any

from craftkit.errors import InvalidRequestError
from craftkit.templates import data, gallery
from craftkit_cli.answers import Answer
from craftkit_cli.authoring.folder import DATA, MANIFEST, SETTINGS, SOURCE
from craftkit_cli.files import write_file


def add_command(commands: Any) -> None:
    what = "write the files of a template from the gallery into a folder"
    made = commands.add_parser("new", help=what, description=f"{what.capitalize()}.")
    made.add_argument("folder", metavar="FOLDER")
    made.add_argument(
        "--from", dest="entry", choices=gallery.SLUGS, default="invoice", help="default: invoice"
    )
    made.set_defaults(run=_new, needs_aws=False)


def _new(arguments: argparse.Namespace, _operator: str) -> Answer:
    folder, entry = Path(arguments.folder), gallery.load(arguments.entry)
    settings = {
        "slug": entry.slug,
        "name": entry.name,
        "locale": entry.locale,
        "pdfStandard": entry.pdf_standard,
        **({"test": entry.test_settings} if entry.test_settings else {}),
    }
    contents = {
        SETTINGS: _json(settings),
        MANIFEST: _json(entry.manifest.as_json()),
        SOURCE: entry.source,
        DATA: _json(data.preview_data(entry.manifest)),
    }
    if there := [name for name in contents if (folder / name).exists()]:
        raise InvalidRequestError(f"{folder / there[0]} exists already. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be created: {error.strerror}."
        raise InvalidRequestError(message) from error
    for name, text in contents.items():
        write_file(folder / name, text.encode())
    return {
        "from": entry.slug,
        "locale": entry.locale,
        "settings": str(folder / SETTINGS),
        "manifest": str(folder / MANIFEST),
        "source": str(folder / SOURCE),
        "data": str(folder / DATA),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
