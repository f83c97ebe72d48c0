"""POST /v1/oauth/token: exchanges an OIDC token for a short-lived key. Public."""

from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs, query
from craftkit.trust import oauth


@needs(
    "KEYS_TABLE",
    "TRUST_RULES_TABLE",
    "TRUST_TOKENS_TABLE",
    "TRUSTS_LOOPBACK_ISSUERS",
    "AUDIT_TABLE",
    reads=(query("TRUST_RULES_TABLE"), item("TRUST_TOKENS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """200 with the token, or an error in OAuth's format."""
    return Response(200, oauth.answer(request))
