"""The matrices of tests/e2e have a row for every route and a cell for every caller."""

from craftkit.openapi import ROUTES
from testkit.template import template
from tests.e2e import test_authorization_matrix as api
from tests.e2e import test_dashboard_matrix as matrix
from tests.e2e import test_embed_matrix as embed


def test_the_matrix_of_the_api_has_every_route() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == set(api.MATRIX)
    assert all(api.expected(row, caller) for row in api.MATRIX.values() for caller in api.CALLERS)


def test_the_matrix_of_the_embedded_page_has_every_route() -> None:
    paths = {
        event["Properties"]["Path"]
        for function in template().of_type("AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
        if event["Properties"].get("RestApiId") == {"Ref": "EmbedApi"}
    }
    assert paths == embed.OPEN | {f"/embed/api/{name}" for name in embed.MATRIX}
    assert set(embed.BODIES) == set(embed.MATRIX)
    assert all(set(cells) == set(embed.SESSIONS) for cells in embed.MATRIX.values())


def test_the_matrix_of_the_dashboard_has_every_route() -> None:
    from dashboard.routes import ROUTES

    found = {f"{route.method} {route.path}": route.role for route in ROUTES}
    assert found == matrix.MATRIX
    assert all(tuple(cells) == matrix.CALLERS for cells in matrix.OUTCOMES.values())
