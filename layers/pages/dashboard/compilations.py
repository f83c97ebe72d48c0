"""Compilations that a page asks for count among the project's previews, as those of embed do."""

from collections.abc import Callable

from craftkit.limits.previews import one_preview
from dashboard.request_context import RequestContext


def bounded[**Parameters, Result](
    context: RequestContext, compile_: Callable[Parameters, Result]
) -> Callable[Parameters, Result]:
    """A call of the compile function that is charged to the project of the request.

    The call raises RateLimitedError where the project compiles too often or too much at once.
    """

    def charged(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
        with one_preview(context.project.id):
            return compile_(*args, **options)

    return charged
