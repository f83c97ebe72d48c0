"""Counts compilations of the dashboard towards the project's limit of previews."""

from collections.abc import Callable

from craftkit.limits.previews import one_preview
from dashboard.request_context import RequestContext


def bounded[**Parameters, Result](
    context: RequestContext, compile_: Callable[Parameters, Result]
) -> Callable[Parameters, Result]:
    """Wrap a call of the compile function so that it counts as a preview of the project.

    The wrapped call raises RateLimitedError if the project's limit of previews is reached.
    """

    def charged(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
        with one_preview(context.project.id):
            return compile_(*args, **options)

    return charged
