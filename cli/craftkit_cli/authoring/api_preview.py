"""Pages drawn through the API, where Typst is not installed.

Each content of the folder becomes a version that is not published, as by `push --no-publish`, and
is rendered as images that are deleted after a minute.
"""

import re
from io import BytesIO
from zipfile import ZipFile

from craftkit.typesetter import SourceError
from craftkit_cli.api import FromApiError
from craftkit_cli.authoring import publication
from craftkit_cli.authoring.drawn import Drawn
from craftkit_cli.authoring.folder import Json, Template
from craftkit_sdk import ApiError, Craftkit, RenderFailedError
from craftkit_sdk import CraftkitError as ClientError

_PLACE = re.compile(r"Line (\d+), column (\d+): (.*)", re.DOTALL)
_OPTIONS = {"format": "png", "expiresInSeconds": 60}


class ApiPreview:
    """Draws through a client whose token has `templates:write` and `renders:write`."""

    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def draw(self, template: Template, sent: Json) -> Drawn:
        """The pages. Accessibility is not checked.

        Raises:
            SourceError: the API could not compile the source; has line and column.
            CraftkitError: any other refusal of the API.
        """
        try:
            return self._draw(template, sent)
        except RenderFailedError as error:
            raise _source_error(str(error.render.get("errorMessage") or error)) from error
        except ApiError as error:
            if "source" in ((error.error.get("issues") or {}).get("fieldErrors") or {}):
                raise _source_error(error.error["issues"]["fieldErrors"]["source"][0]) from error
            raise FromApiError(error) from error
        except ClientError as error:
            raise FromApiError(error) from error

    def _draw(self, template: Template, sent: Json) -> Drawn:
        version = publication.push(template, self._client, publish=False)
        render = self._client.renders.create(
            template.settings.slug,
            template.with_images(sent),
            version_number=version["versionNumber"],
            sync=True,
            options=_OPTIONS,
        )
        pages = tuple(_pictures(render.content()))
        warnings = [str(each) for each in render.json["warnings"]]
        return Drawn(pages, render.json["pageCount"] or len(pages), warnings, [])


def _pictures(content: bytes) -> list[bytes]:
    """The one image, or those of an archive in the order of the pages."""
    if content.startswith(b"\x89PNG"):
        return [content]
    with ZipFile(BytesIO(content)) as archive:
        names = sorted(archive.namelist(), key=lambda name: [*map(int, re.findall(r"\d+", name))])
        return [archive.read(name) for name in names]


def _source_error(message: str) -> SourceError:
    if found := _PLACE.search(message):
        return SourceError(found[3], int(found[1]), int(found[2]))
    return SourceError(message)
