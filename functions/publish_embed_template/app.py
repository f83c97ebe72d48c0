"""POST /embed/api/template/publish: the template's next version."""

from craftkit.embed.access import enter
from craftkit.embed.editing import Writing, publish_template
from craftkit.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    visit = enter(request)
    version = publish_template(visit, request.model(Writing))
    return Response(201, {"slug": version.slug, "versionNumber": version.number})
