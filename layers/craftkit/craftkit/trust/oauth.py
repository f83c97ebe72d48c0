"""The token endpoint's request and response (RFC 8693, section 2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from craftkit.auth import dpop
from craftkit.clock import utc_now
from craftkit.errors import CraftkitError
from craftkit.http import Request
from craftkit.issues import issues_of
from craftkit.trust import service
from craftkit.trust.errors import InvalidDpopProofError, OAuthError, UnsupportedGrantTypeError
from craftkit.trust.models import IssuedToken
from craftkit.trust.tokens import LONGEST_TOKEN

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 a name
MEDIA_TYPE = "application/x-www-form-urlencoded"

_FIELDS_LIMIT = 20


class TokenRequest(BaseModel):
    """The form of `POST /v1/oauth/token`. `audience` is the project's id."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    grant_type: str
    subject_token: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TOKEN)]
    subject_token_type: Literal[
        "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"
    ]
    audience: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    scope: Annotated[str, StringConstraints(max_length=1000)] = ""
    requested_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"] = ACCESS_TOKEN


class TokenResponse(BaseModel):
    """The response: the secret of an API key that expires after at most 15 minutes."""

    access_token: str
    issued_token_type: str
    token_type: Literal["Bearer", "DPoP"]
    expires_in: int
    scope: str

    @classmethod
    def of(cls, token: IssuedToken) -> "TokenResponse":
        return cls(
            access_token=token.cleartext,
            issued_token_type=ACCESS_TOKEN,
            token_type="DPoP" if token.is_bound else "Bearer",
            expires_in=token.expires_in_seconds,
            scope=" ".join(token.scopes),
        )


def answer(request: Request) -> TokenResponse:
    """Answer one token request. A `DPoP` header binds the token to the key that signed it.

    Raises:
        OAuthError: every refusal of this route.
    """
    with _as_oauth():
        form = _read_form(request.body, request.headers.get("content-type", ""))
        token = service.exchange_token(
            form.audience,
            form.subject_token,
            scopes=tuple(form.scope.split()),
            proof=_read_proof(request),
        )
        return TokenResponse.of(token)


def _read_proof(request: Request) -> dpop.Proof | None:
    proofs = request.header_values("dpop")
    if not proofs:
        return None
    if len(proofs) > 1:
        raise InvalidDpopProofError("The request has more than one DPoP header.")
    try:
        return dpop.verify(proofs[0], method=request.method, url=request.url, now=utc_now())
    except dpop.InvalidProofError as error:
        raise InvalidDpopProofError(str(error)) from error


def _read_form(body: bytes, content_type: str) -> TokenRequest:
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise OAuthError(f"Send the request as Content-Type: {MEDIA_TYPE}.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_LIMIT
        )
    except ValueError as error:
        raise OAuthError("The body is not a form in UTF-8.") from error
    fields: dict[str, Any] = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = [name for name in TokenRequest.model_fields if names.count(name) > 1]
        which = f"The parameter {repeated[0]}" if repeated else "A parameter"
        raise OAuthError(f"{which} is sent more than once. Send each parameter once.")
    if fields.get("grant_type") != GRANT_TYPE:
        raise UnsupportedGrantTypeError
    try:
        return TokenRequest.model_validate(fields)
    except ValidationError as error:
        problems = issues_of(error).field_errors
        name, messages = next(iter(problems.items()))
        raise OAuthError(f"{name}: {messages[0]}") from error


@contextmanager
def _as_oauth() -> Iterator[None]:
    try:
        yield
    except OAuthError:
        raise
    except CraftkitError as error:
        raise OAuthError(str(error)) from error
