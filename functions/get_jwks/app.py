"""GET /.well-known/jwks.json: the public keys that verify session tokens. Public."""

from craftkit.embed.tokens import repository
from craftkit.embed.tokens.views import JwksView
from craftkit.http import Request, Response, endpoint
from craftkit.probes import needs, query

_FOR_MINUTES = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}


@needs("EMBED_KEYS_TABLE", reads=(query("EMBED_KEYS_TABLE"),))
@endpoint
def handler(_request: Request) -> Response:
    return Response(200, JwksView.model_validate(repository.jwks()), _FOR_MINUTES)
