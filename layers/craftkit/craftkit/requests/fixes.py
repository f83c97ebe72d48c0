"""What a caller can do about a refusal, from its code."""

from functools import cache

from craftkit import errors

_BY_REASON = {
    "revoked": "This key was revoked. Create a new key, or undo the revocation within 60 minutes: "
    "craftkit keys undo KEY_ID.",
    "expired": "This key has expired, or the secret was rotated out. Send the key's current "
    "secret, or create a new key.",
    "invalid_proof": "This key is bound to a public key. Send Authorization: DPoP KEY with a new "
    "proof for each request; a key that is not bound is sent as Bearer.",
    "replayed_proof": "This DPoP proof was used before. Sign a new one, with a new jti, for each "
    "request.",
    "network_not_allowed": "Call from one of the key's networks, or create a key that allows this "
    "one.",
}
"""By the authorizer's `reason`, which its response does not contain."""


def fix_of(code: str | None, reason: str | None = None) -> str | None:
    """How to mend a request that was refused with `code`; None for one that was not refused."""
    if code is None:
        return None
    return _BY_REASON.get(reason or code) or _fixes().get(code) or errors.documentation_url(code)


@cache
def _fixes() -> dict[str, str]:
    """The part of each error's message that says what to do: all after its first sentence."""
    return {
        error.code: error.message.partition(". ")[2] or error.message
        for error in errors.every_error()
    }
