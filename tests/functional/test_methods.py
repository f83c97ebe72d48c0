"""HEAD for every GET, and 405 with `Allow` for other methods."""

import json

import pytest

from testkit.cloud import Cloud
from testkit.events import event
from tests.functional.conftest import Answer


def refused(cloud: Cloud, method: str, path: str) -> Answer:
    sent = event("reject_method", httpMethod=method, resource=path) | {"path": path}
    answer = cloud.invoke("reject_method", sent)
    body = json.loads(answer["body"]) if answer["body"] else None
    return Answer(answer["statusCode"], answer["headers"], body)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/renders", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/templates/{slug}/render", "OPTIONS, POST"),
        ("PATCH", "/v1/embed/catalogs", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v1/embed/sessions/{id}", "DELETE, OPTIONS"),
    ],
)
def test_reject_method__a_wrong_method_is_405_with_allow(
    cloud: Cloud, method: str, path: str, allowed: str
) -> None:
    answer = refused(cloud, method, path)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed
    assert allowed in answer.body["error"]["message"]


def test_reject_method__options_is_204_with_allow(cloud: Cloud) -> None:
    answer = refused(cloud, "OPTIONS", "/v1/renders")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


def test_head__answers_as_get_without_a_body(cloud: Cloud) -> None:
    get, head = (
        cloud.invoke("get_health", event("get_health", httpMethod=method))
        for method in ("GET", "HEAD")
    )
    assert json.loads(get["body"])["status"] == "ok"
    assert (head["statusCode"], head["body"]) == (200, "")
    assert get["headers"] == head["headers"]
