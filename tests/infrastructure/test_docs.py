"""The documentation matches the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from craftkit.auth.principal import SCOPES, Principal
from craftkit.openapi import ROUTES, describe
from craftkit.openapi.error_responses import refusals
from craftkit.usage import prices
from testkit.cloud import Cloud
from testkit.events import event
from testkit.template import ROOT, Json, template
from tools import cost
from tools.docs import DOCS, PAGES

BY_FUNCTION = {route.function: route for route in ROUTES}


def is_of_the_api(source: Json) -> bool:
    """Whether an event of a function is a route of the API, and not of the embedded page."""
    return source["Type"] == "Api" and source["Properties"]["RestApiId"] == {"Ref": "Api"}


def wired() -> Iterator[tuple[str, str, str, bool]]:
    """Method, path, folder and openness of each route of the REST API in template.yaml."""
    for properties in template("prod").functions.values():
        for source in properties.get("Events", {}).values():
            route = source.get("Properties", {})
            if is_of_the_api(source) and route["Method"].upper() != "HEAD":
                is_open = route.get("Auth", {}).get("Authorizer") == "NONE"
                folder = properties["CodeUri"].removeprefix("functions/")
                yield route["Method"].upper(), route["Path"], folder, is_open


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "make docs"


_PATH = re.compile(
    r"`((?:benchmarks|cli|deployment|docs|events|examples|functions|infrastructure|layers|local"
    r"|sdks|testkit|tests|tools)/[\w./-]+)`"
)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.stem
)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = _PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_test_that_the_page_of_security_names_exists() -> None:
    page = (DOCS / "security.md").read_text(encoding="utf-8")
    missing, file, count = [], "", 0
    for path, name in re.findall(r"`(tests/[\w/]+\.py)`|`(test_\w+)`", page):
        file = path or file
        if name:
            count += 1
            if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8"):
                missing.append(f"{file}::{name}")
    assert count > 30
    assert missing == []


def test_every_log_message_that_the_page_of_operations_names_is_logged() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    named = re.findall(r'message = "([^"]+)"', page) + re.findall(
        r"(?:logs|^\|) `([a-z ]+)`", page, re.M
    )
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("functions", "layers")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert {"ended", "stale renders", "stale render not handled"} <= set(named)
    words = [name for name in named if " " in name or f'message = "{name}"' in page]
    assert [message for message in words if f'"{message}"' not in code] == []


_ROOM = re.compile(r"^\| (\w+) \(room\) \| .+ \| `craftkit/(\w+)` \|$", re.MULTILINE)


def test_the_glossary_and_the_page_of_architecture_name_every_room_and_no_other() -> None:
    package = ROOT / "layers" / "craftkit" / "craftkit"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    named = _ROOM.findall((DOCS / "glossary.md").read_text(encoding="utf-8"))
    assert named == [(room, room) for room in sorted(rooms)]
    table = (DOCS / "architecture.md").read_text(encoding="utf-8").split("## Rooms")[1]
    rows = re.findall(r"^\| (`.+?) \|", table.split("## ")[0], re.MULTILINE)
    assert {room for row in rows for room in re.findall(r"`(\w+)`", row)} == rooms


def test_the_terms_of_the_glossary_are_sorted_and_each_once() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = [term.lower() for term in re.findall(r"^\| (.+?) \|", text, re.MULTILINE)[2:]]
    assert terms == sorted(set(terms))


def test_the_dashboard_uses_the_prices_of_the_cost_page() -> None:
    counted = cost.render(json.loads(cost.INPUTS.read_text(encoding="utf-8")), 1)
    assert {price.service: round(price.dollars, 2) for price in counted} == prices.A_MILLION


INPUTS = json.loads(cost.INPUTS.read_text(encoding="utf-8"))


def bill(inputs: Json, flow: Any = cost.POLLED) -> float:
    return sum(price.dollars for price in cost.render(inputs, 1, flow))


def dollars(prices: list[cost.Price]) -> float:
    return sum(price.dollars for price in prices)


def test_costs__are_within_their_targets() -> None:
    """Polled and downloaded once; not stored; in batches."""
    assert bill(INPUTS) <= 40
    assert dollars(cost.inline(INPUTS, is_stored=False)) <= 16
    assert dollars(cost.batch(INPUTS)) <= 12


def test_costs__the_page_says_which_target_is_missed() -> None:
    assert dollars(cost.inline(INPUTS, is_stored=True)) > 25
    assert "The target is 25 US$, and it is missed." in cost.page()


def test_costs__every_input_changes_the_costs() -> None:
    for name in {*cost.POLLED, *cost.NOTIFIED}:
        flow = cost.POLLED if name in cost.POLLED else cost.NOTIFIED
        for measure in ("writeUnits", "indexUnits", "readUnits", "logBytes", "ownMilliseconds"):
            dearer = {**INPUTS, name: {**INPUTS[name], measure: INPUTS[name][measure] + 50}}
            assert bill(dearer, flow) > bill(INPUTS, flow), (name, measure)
    for name in ("render_row", "access_log"):
        assert bill({**INPUTS, name: {"bytes": INPUTS[name]["bytes"] + 50}}) > bill(INPUTS)


def test_costs__a_million_requests_in_the_request_log_are_at_most_one_dollar() -> None:
    assert sum(price.dollars for price in cost.request_log(INPUTS)) <= 1
    days = template("prod").document["Mappings"]["StageConfig"]["prod"]["RequestLogDays"]
    assert days == cost.REQUEST_LOG_DAYS
    larger = {**INPUTS, "request_row": {"bytes": 1100}}
    assert sum(price.dollars for price in cost.request_log(larger)) > 1


def test_costs__use_the_settings_of_prod_in_the_template() -> None:
    prod = template("prod")
    (rule,) = prod.of_type("AWS::XRay::SamplingRule").values()
    assert float(rule["SamplingRule"]["FixedRate"]) == cost.TRACED
    workers = {prod.functions[f"{mode}WorkerFunction"]["MemorySize"] for mode in ("Live", "Test")}
    assert workers == {cost.MEMORY_MB["render_document"]}
    sources = prod.of_type("AWS::Lambda::EventSourceMapping")
    assert sources["MeterUsageSource"]["MaximumBatchingWindowInSeconds"] == 50


def test_every_route_of_the_template_is_described_once_and_no_other() -> None:
    described = [(route.method, route.path, route.function) for route in ROUTES]
    assert sorted(described) == sorted(route[:3] for route in wired())


def test_every_get_has_a_head_and_every_path_refuses_its_other_methods() -> None:
    functions = template("prod").functions.values()
    routes = [
        (properties["CodeUri"], source["Properties"])
        for properties in functions
        for source in properties.get("Events", {}).values()
        if is_of_the_api(source)
    ]
    of = {
        method: {
            (code, route["Path"], str(route.get("Auth")))
            for code, route in routes
            if route["Method"] == method
        }
        for method in ("GET", "HEAD")
    }
    assert of["GET"] == of["HEAD"]
    assert of["GET"]
    api = template("prod").of_type("AWS::Serverless::Api")["Api"]
    others = api["DefinitionBody"]["paths"]
    assert set(others) == {route.path for route in ROUTES}
    for methods in others.values():
        (refused,) = methods.values()
        assert refused["security"] == [{"NONE": []}]
        uri = refused["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert "functions/${RejectMethodFunction.Alias}/" in uri


def test_routes_without_a_scope_have_no_authorizer() -> None:
    for method, path, folder, is_open in wired():
        route = BY_FUNCTION[folder]
        assert is_open == (route.scope is None and not route.needs_key), (method, path)


@pytest.mark.parametrize("name", [route.function for route in ROUTES if route.scope])
def test_a_key_without_the_documented_scope_is_refused(cloud: Cloud, name: str) -> None:
    scope = BY_FUNCTION[name].scope
    others = frozenset(SCOPES) - {scope}
    principal = Principal("0193c2c3-0000-7000-8000-000000000000", "key", "test", others)
    answer = cloud.invoke(name, event(name, principal=principal))
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["code"]) == (403, "insufficient_scope")
    assert scope in error["message"]


def test_the_reference_shows_which_routes_need_a_key_without_a_scope() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    table = page.partition("| route |")[2].partition("\n\n")[0]
    for route in ROUTES:
        (row,) = [line for line in table.splitlines() if f"`{route.method} {route.path}`" in line]
        needed = f"`{route.scope}`" if route.scope else "any key"
        shown = needed if route.scope or route.needs_key else "none (public)"
        assert row.endswith(f"| {shown} |"), row


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "$ref":
                yield part
            else:
                yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_reference_resolves_and_every_schema_is_used() -> None:
    document = describe("https://api.example.com")
    used = set(references(document))
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "examples")
        for name in document["components"][kind]
    }
    assert used == there


def test_every_parameter_of_a_path_is_described() -> None:
    for path, methods in describe("https://api.example.com")["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            named = {each["name"] for each in parameters if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), (method, path)


def test_the_errors_page_lists_every_gateway_response() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    api = template("prod").of_type("AWS::Serverless::Api")["Api"]
    for kind, response in api["GatewayResponses"].items():
        error = json.loads(response["ResponseTemplates"]["application/json"])["error"]
        assert f"| {response['StatusCode']} | `{error['code']}` |" in page, kind


def test_every_error_code_of_a_failed_render_in_the_docs_exists() -> None:
    """There is no `image_error`: an image that cannot be loaded gives `template_error`."""
    causes = (DOCS / "errors.md").read_text(encoding="utf-8").partition("## Why")[2]
    for page in DOCS.rglob("*.md"):
        for code in re.findall(r"`(\w+_error)`", page.read_text(encoding="utf-8")):
            assert f"| `{code}` |" in causes, (page.name, code)


def test_the_errors_of_a_route_follow_from_its_declaration() -> None:
    create, health = refusals(BY_FUNCTION["create_render"]), refusals(BY_FUNCTION["get_health"])
    assert create[401] == ["invalid_credentials", "missing_authorization"]
    assert create[413] == ["payload_too_large"]
    assert create[503] == ["queue_unavailable", "validator_unavailable"]
    assert set(health) == {403, 429, 500, 504}


def test_get_openapi__answers_with_the_document_of_this_stage(cloud: Cloud) -> None:
    answer = cloud.invoke("get_openapi", event("get_openapi"))
    document: Json = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert document == describe(document["servers"][0]["url"])
    assert document["servers"][0]["url"] == "http://localhost:3000"
