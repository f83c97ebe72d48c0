"""The stage's seal certificates: one item of the content table. They are no secret."""

from typing import Any

from craftkit import dynamodb
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.config import config
from craftkit.seals.models import SealCertificate, SealSettings

_KEY = {"pk": "stage#seals", "sk": "certificates"}


def get() -> SealSettings:
    """The certificates, strongly consistent; none where none was stored."""
    answer = dynamodb.table(config.content_table).get_item(Key=_KEY, ConsistentRead=True)
    item: dict[str, Any] | None = answer.get("Item")
    if item is None:
        return SealSettings()
    first, *former = map(_certificate_of, item["certificates"])
    return SealSettings(first, tuple(former))


def put(settings: SealSettings) -> None:
    """Replace the certificates."""
    item = {**_KEY, "certificates": [_item_of(each) for each in settings.every]}
    dynamodb.table(config.content_table).put_item(Item=item)


def _item_of(certificate: SealCertificate) -> dict[str, str]:
    return {
        "chain": certificate.chain,
        "subject": certificate.subject,
        "fingerprint": certificate.fingerprint,
        "key": certificate.key,
        "algorithm": certificate.algorithm,
        "not_before": to_rfc3339(certificate.not_before),
        "not_after": to_rfc3339(certificate.not_after),
    }


def _certificate_of(item: dict[str, Any]) -> SealCertificate:
    return SealCertificate(
        chain=item["chain"],
        subject=item["subject"],
        fingerprint=item["fingerprint"],
        key=item["key"],
        algorithm=item["algorithm"],
        not_before=from_rfc3339(item["not_before"]),
        not_after=from_rfc3339(item["not_after"]),
    )
