"""A render by the package that openapi-python-client generates with its defaults."""

import json
import os

from craftkit_client import AuthenticatedClient
from craftkit_client.api.renders import create_render, get_render
from craftkit_client.models import Error, ErrorCode, Render, RenderRequest

client = AuthenticatedClient(
    base_url=os.environ["CRAFTKIT_BASE_URL"], token=os.environ["CRAFTKIT_API_KEY"]
)
body = RenderRequest.from_dict({"data": json.loads(os.environ["DATA"])})
made = create_render.sync("invoice", client=client, body=body)
assert isinstance(made, Render), made
read = get_render.sync(made.id, client=client)
assert isinstance(read, Render), read
refused = create_render.sync("no-such", client=client, body=body)
assert isinstance(refused, Error), refused
assert refused.error.code is ErrorCode.TEMPLATE_NOT_FOUND
print(json.dumps({"id": str(made.id), "status": read.status.value}))
