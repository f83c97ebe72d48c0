"""The template of a new project, which the quick start uses."""

from craftkit.errors import CraftkitError
from craftkit.observability import logger
from craftkit.templates import gallery, publishing
from craftkit.typesetter import Typeset, TypesettingError

SLUG = "invoice"


def publish_starter(project_id: str, *, by: str, typeset: Typeset) -> bool:
    """Publish the gallery's invoice in a new project.

    Returns False if that failed. The error is only logged, because the project works without it.
    """
    entry = gallery.load(SLUG)
    try:
        publishing.publish(
            project_id,
            entry.slug,
            entry.name,
            entry.manifest,
            entry.source,
            entry.pdf_standard,
            entry.locale,
            by=by,
            typeset=typeset,
        )
    except (CraftkitError, TypesettingError) as error:
        logger.warning("starter template not published", extra={"reason": type(error).__name__})
        return False
    return True
