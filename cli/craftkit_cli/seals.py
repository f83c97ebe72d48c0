"""`craftkit seals …`: the certificate that documents are sealed with."""

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

from craftkit.clock import to_rfc3339, utc_now
from craftkit.errors import InvalidRequestError
from craftkit.seals import keys, repository, service
from craftkit.seals.models import SealCertificate
from craftkit_cli.answers import Answer
from craftkit_cli.arguments import command, duration, group
from craftkit_cli.certificates import read_certificate, request_certificate, self_signed

_SUBJECT = {
    "organization": "organization_name",
    "country": "country_name",
    "city": "locality_name",
}


def add_commands(root: Any) -> None:
    commands = group(root, "seals", "the certificate that documents are sealed with")
    request = command(
        commands, "request", _request, "make a certificate request (CSR) for the stage's key",
        in_project=False,
    )  # fmt: skip
    own = command(
        commands, "self-sign", _self_sign,
        "make and store a certificate that the key signs itself; readers do not trust it",
        in_project=False,
    )  # fmt: skip
    for each in (request, own):
        each.add_argument("--name", required=True, help="who seals, such as 'Example Ltd'")
        for name in _SUBJECT:
            each.add_argument(f"--{name}")
    own.add_argument("--life", type=duration, default=timedelta(days=365), help="such as 365d")
    store = command(
        commands, "import", _import, "store the certificate that an authority has issued",
        in_project=False,
    )  # fmt: skip
    store.add_argument("--file", required=True, type=Path, help="PEM, with its issuers")
    command(commands, "show", _show, "show the certificates", in_project=False)


def _request(arguments: argparse.Namespace, _operator: str) -> str:
    return request_certificate(_key(), _subject_of(arguments)).rstrip()


def _self_sign(arguments: argparse.Namespace, _operator: str) -> Answer:
    now = utc_now()
    made = self_signed(
        _key(), _subject_of(arguments), now - timedelta(minutes=5), now + arguments.life
    )
    service.store_certificate(read_certificate(made, _key()))
    return _show(arguments, _operator)


def _import(arguments: argparse.Namespace, _operator: str) -> Answer:
    try:
        text = arguments.file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{arguments.file} cannot be read as PEM.") from error
    service.store_certificate(read_certificate(text, _key()))
    return _show(arguments, _operator)


def _show(_arguments: argparse.Namespace, _operator: str) -> Answer:
    stored = repository.get()
    return {
        "key": keys.seal_key(),
        "current": _shown(stored.current) if stored.current else None,
        "former": [_shown(each) for each in stored.former],
    }


def _shown(certificate: SealCertificate) -> dict[str, str]:
    return {
        "subject": certificate.subject,
        "fingerprint": certificate.fingerprint,
        "notBefore": to_rfc3339(certificate.not_before),
        "notAfter": to_rfc3339(certificate.not_after),
    }


def _subject_of(arguments: argparse.Namespace) -> dict[str, str]:
    given = {field: getattr(arguments, name) for name, field in _SUBJECT.items()}
    named = {field: value for field, value in given.items() if value}
    return {**named, "common_name": arguments.name}


def _key() -> str:
    key = keys.seal_key()
    if key is None:
        raise InvalidRequestError(
            "This stage has no key for seals. Deploy it with the parameter SealKeySpec, such as "
            "SEAL_KEY_SPEC=ECC_NIST_P256 (docs/seals.md)."
        )
    return key
