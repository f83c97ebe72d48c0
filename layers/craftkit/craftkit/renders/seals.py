"""The seal of a render that is requested."""

from craftkit.seals.models import SealOptions
from craftkit.seals.service import require_seal
from craftkit.templates.models import Manifest
from craftkit.typesetter import OutputFormat


def requested_seal(
    manifest: Manifest, requested: SealOptions | bool | None, output_format: OutputFormat
) -> SealOptions | None:
    """The seal of a document: what the request says, else what the template says.

    Images have none.

    Raises:
        SealNotConfiguredError: the document is to be sealed, and this stage cannot do it.
    """
    wanted = manifest.seal if requested is None else requested
    if not wanted or output_format != "pdf":
        return None
    require_seal()
    return SealOptions() if wanted is True else wanted
