"""The API's description (OpenAPI 3.1), made from the very models that read and write its bodies."""

from craftkit.openapi.document import describe
from craftkit.openapi.route import Route
from craftkit.openapi.routes import ROUTES, methods_of

__all__ = ["ROUTES", "Route", "describe", "methods_of"]
