"""The use cases of seals: which certificate is in use, and storing a new one."""

from dataclasses import dataclass
from time import monotonic

from craftkit import process_cache
from craftkit.clock import utc_now
from craftkit.errors import SealNotConfiguredError
from craftkit.seals import repository
from craftkit.seals.models import SealCertificate, SealSettings

REMEMBERED_SECONDS = 60.0
"""How long a function seals with a certificate after another one was stored."""


@dataclass
class _Remembered:
    settings: SealSettings | None = None
    until: float = 0.0

    def forget(self) -> None:
        self.settings = None


_remembered = _Remembered()
process_cache.register(_remembered.forget)


def settings() -> SealSettings:
    """The stage's certificates, at most a minute old."""
    if _remembered.settings is None or monotonic() > _remembered.until:
        _remembered.settings = repository.get()
        _remembered.until = monotonic() + REMEMBERED_SECONDS
    return _remembered.settings


def current_certificate() -> SealCertificate:
    """The certificate that seals are made with.

    Raises:
        SealNotConfiguredError: the stage has none.
    """
    found = settings().current
    if found is None:
        _remembered.forget()  # it may have been stored since
        raise SealNotConfiguredError
    return found


def require_seal() -> None:
    """Check that the stage can seal at present.

    Raises:
        SealNotConfiguredError: it has no certificate, or the certificate has expired.
    """
    current_certificate().require_valid(utc_now())


def store_certificate(certificate: SealCertificate) -> SealSettings:
    """Seal with this certificate from now on; functions read it within a minute.

    The former certificate is kept for verification. Storing the present one again changes nothing.
    """
    before = repository.get()
    others = [each for each in before.every if each.fingerprint != certificate.fingerprint]
    after = SealSettings(certificate, tuple(others))
    repository.put(after)
    _remembered.forget()
    return after
