"""The use cases of partners: enable, disable, suspend, origins, presets and signing keys."""

import base64
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, Field

from craftkit.auth.api_key import ALPHABET
from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed.partners import repository
from craftkit.embed.partners.models import Partner, SigningKey
from craftkit.embed.partners.origins import is_loopback, origin_of
from craftkit.errors import (
    ConflictError,
    InvalidCredentialsError,
    NotFoundError,
    PartnerSuspendedError,
)
from craftkit.ids import new_id
from craftkit.project_items import require_project
from craftkit.schema import validate_request

_PUBLISHABLE = re.compile(r"ck_pk_(live|test)_[0-9A-Za-z]{32}", re.ASCII)
_RANDOM_LENGTH = 32
_RESUMED = "embed.resumed"
_NOT_ENABLED = (
    "Embed is not enabled for this key's project. "
    "Enable it: Dashboard → Project → Embed → Overview."
)
_SUSPENDED = "The partnership is suspended. Only the operator can resume it."
_LOOPBACK_SOURCES = ("http://localhost:*", "http://127.0.0.1:*")


class MintedSigningKey(BaseModel):
    """A new key pair. The private key is shown only here."""

    key: SigningKey
    private_key_pem: str = Field(repr=False)


def require_partner(partner: Partner | None) -> Partner:
    """The partner, if embed is enabled for the project.

    Raises:
        InvalidCredentialsError: embed is not enabled.
        PartnerSuspendedError: the partner is suspended.
    """
    if partner is None or partner.status == "off":
        raise InvalidCredentialsError(_NOT_ENABLED)
    if partner.status == "suspended":
        raise PartnerSuspendedError
    return partner


def partner_of(project_id: str) -> Partner:
    """The project's partner, if embed is enabled.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: as `require_partner`.
    """
    return require_partner(repository.get_partner(project_id))


def get_partner(project_id: str) -> Partner:
    """The project's partner in any status. It is `off` if embed was never enabled."""
    found = repository.get_partner(project_id)
    return found or Partner(
        project_id=project_id, status="off", updated_at=utc_now(), updated_by=""
    )


def enable(project_id: str, *, by: str) -> Partner:
    """Enable embed for the project. Earlier settings are kept.

    Raises:
        ConflictError: the partner is suspended; only `resume` changes that.
    """
    return _change(project_id, {"status": "enabled"}, "embed.enabled", by)


def disable(project_id: str, *, by: str) -> Partner:
    """Disable embed for the project. All its sessions end.

    Raises:
        ConflictError: the partner is suspended; disabling it would allow `enable`.
    """
    return _change(project_id, {"status": "off"}, "embed.disabled", by)


def suspend(project_id: str, *, by: str) -> Partner:
    """Refuse all embed requests of the project from the next one on. Renders are not affected.

    Raises:
        ConflictError: embed is not enabled.
    """
    if get_partner(project_id).status == "off":
        raise ConflictError("Embed is not enabled for this project.")
    return _change(project_id, {"status": "suspended"}, "embed.suspended", by)


def resume(project_id: str, *, by: str) -> Partner:
    """End a suspension. Sessions that have not expired work again.

    Raises:
        ConflictError: the partner is not suspended.
    """
    partner = get_partner(project_id)
    if partner.status != "suspended":
        raise ConflictError("The partnership is not suspended.")
    return _change(project_id, {"status": "enabled"}, _RESUMED, by)


def set_origins(project_id: str, origins: Iterable[str], *, by: str) -> Partner:
    """Replace the origins that may embed the page.

    Raises:
        InvalidRequestError: a value is not an origin.
    """
    return _change(
        project_id,
        {"origins": list(origins)},
        "embed.origins.changed",
        by,
    )


def set_presets(project_id: str, presets: Mapping[str, Iterable[str]], *, by: str) -> Partner:
    """Set the partner's presets. A preset that is not in `presets` has its default permissions.

    Raises:
        InvalidRequestError: an unknown preset or permission.
    """
    wanted = {name: list(permissions) for name, permissions in presets.items()}
    return _change(project_id, {"presets": wanted}, "embed.presets.changed", by)


def frame_sources(partner: Partner) -> tuple[str, ...]:
    """The sources of `frame-ancestors` in the page's Content-Security-Policy.

    The local stage adds loopback on any port, for pages under development.
    """
    return (*partner.origins, *(_LOOPBACK_SOURCES if config.embed_allows_loopback else ()))


def allows_url(partner: Partner, url: str) -> bool:
    return allows_origin(partner, origin_of(url))


def allows_origin(partner: Partner, origin: str) -> bool:
    return origin in partner.origins or (config.embed_allows_loopback and is_loopback(origin))


def create_signing_key(project_id: str, *, by: str, mode: Mode = "live") -> MintedSigningKey:
    """Create a key pair with a publishable key. Only the public key is stored.

    Raises:
        NotFoundError: the project does not exist.
        ConflictError: embed is not enabled, or the project is being deleted.
    """
    if get_partner(project_id).status == "off":
        raise ConflictError("Embed is not enabled for this project. Enable it first.")
    private = Ed25519PrivateKey.generate()
    random = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_LENGTH))
    key = SigningKey(
        project_id=project_id,
        id=new_id(),
        publishable_key=f"ck_pk_{mode}_{random}",
        mode=mode,
        public_key=base64.b64encode(private.public_key().public_bytes_raw()).decode(),
        created_at=utc_now(),
        created_by=by,
    )
    try:
        repository.put_signing_key(key)
    except ConditionFailedError:
        require_project(project_id)
        raise
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return MintedSigningKey(key=key, private_key_pem=pem.decode())


def list_signing_keys(project_id: str) -> list[SigningKey]:
    return repository.list_signing_keys(project_id)


def revoke_signing_key(project_id: str, publishable_key: str, *, by: str) -> SigningKey:
    """Revoke a signing key. Its tokens and their sessions are refused from the next request on.

    Raises:
        NotFoundError: the project has no such key.
    """
    key = repository.partner_and_key(project_id, publishable_key)[1]
    if key is None:
        raise NotFoundError("There is no such publishable key in this project.")
    if key.revoked_at is None:
        key = key.model_copy(update={"revoked_at": utc_now()})
        repository.revoke_signing_key(key, by=by)
    return key


def find_signing_key(publishable_key: str) -> tuple[Partner | None, SigningKey | None]:
    """The partner and the signing key of a publishable key, or None.

    Text that cannot be a publishable key is not looked up.
    """
    if not is_publishable(publishable_key):
        return None, None
    project_id = repository.project_of(publishable_key)
    return repository.partner_and_key(project_id, publishable_key) if project_id else (None, None)


def is_publishable(text: str) -> bool:
    return _PUBLISHABLE.fullmatch(text) is not None


def public_key_of(key: SigningKey) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public_key))


def _change(
    project_id: str,
    changes: Mapping[str, Any],
    action: str,
    by: str,
) -> Partner:
    while True:
        previous = repository.get_partner(project_id)
        if previous and previous.status == changes.get("status"):
            return previous
        is_held = previous is not None and previous.status == "suspended"
        if is_held and "status" in changes and action != _RESUMED:
            raise ConflictError(_SUSPENDED)
        unknown = {"projectId": project_id, "status": "off"}
        before = previous.model_dump(by_alias=True) if previous else unknown
        now = {"updatedAt": utc_now(), "updatedBy": by}
        partner = validate_request(Partner, {**before, **changes, **now})
        try:
            repository.put_partner(partner, previous, action=action)
        except ConditionFailedError:
            continue  # another request has changed it: read it again
        return partner
