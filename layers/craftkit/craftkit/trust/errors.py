"""Errors of the token exchange in the format of OAuth (RFC 6749, section 5.2).

Only this route answers without Craftkit's error envelope, so that OAuth clients understand it.
"""

from craftkit.errors import CraftkitError


class OAuthError(CraftkitError):
    """A refusal of `POST /v1/oauth/token`; its code is OAuth's `error`."""

    code = "invalid_request"
    status = 400
    message = "The token request is malformed."

    def as_json(self, request_id: str) -> dict[str, object]:  # noqa: ARG002 no place for it
        return {"error": self.code, "error_description": str(self)}


class UnsupportedGrantTypeError(OAuthError):
    """Another `grant_type` than the token exchange's."""

    code = "unsupported_grant_type"
    message = "Send grant_type=urn:ietf:params:oauth:grant-type:token-exchange."


class InvalidGrantError(OAuthError):
    """The subject token is refused, or no trust rule accepts it."""

    code = "invalid_grant"
    message = "The subject token is not accepted."


class InvalidScopeError(OAuthError):
    """A scope that the trust rule does not give."""

    code = "invalid_scope"
    message = "The trust rule does not give this scope."


class InvalidDpopProofError(OAuthError):
    """The `DPoP` header is not a proof for this request (RFC 9449, section 5)."""

    code = "invalid_dpop_proof"
    message = "The DPoP proof is not valid for this request."


class IssuerTemporarilyUnavailableError(OAuthError):
    """The issuer's keys cannot be fetched now."""

    code = "temporarily_unavailable"
    status = 503
    message = "The issuer's signing keys cannot be fetched. Try again in a minute."
