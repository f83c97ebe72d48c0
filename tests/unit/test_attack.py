"""The settings of `make attack`."""

import tomllib

from craftkit.openapi.document import describe
from tests.attack.__main__ import settings_of


def test_settings__only_a_documented_code_of_the_route_is_an_expected_server_error() -> None:
    settings = tomllib.loads("\n".join(settings_of(describe("http://localhost"))))
    allowed = {
        each["include-name"]: each["checks"]["not_a_server_error"]["expected-statuses"]
        for each in settings["operations"]
    }
    assert allowed["POST /v1/exposed-keys"] == ["2xx", "3xx", "4xx", "503"]
    assert "GET /v1/renders" not in allowed  # it documents `internal` and `timeout` only
    assert not any({"500", "504"} & set(statuses) for statuses in allowed.values())
