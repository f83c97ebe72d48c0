"""A stage that can seal: its certificate is signed by the key itself."""

from datetime import timedelta

from craftkit.clock import utc_now
from craftkit.seals import service
from craftkit.seals.models import SealCertificate
from craftkit_cli.certificates import read_certificate, self_signed
from testkit.cloud import Cloud

SIGNER = "Weingut Steinach"


def configure_seals(
    cloud: Cloud, *, name: str = SIGNER, life: timedelta = timedelta(days=30)
) -> SealCertificate:
    """Store a certificate of the stage's key."""
    key, now = cloud.names["SealKey"], utc_now()
    start = min(now, now + life) - timedelta(days=1)
    pem = self_signed(key, {"common_name": name}, start, now + life)
    certificate = read_certificate(pem, key)
    service.store_certificate(certificate)
    return certificate
