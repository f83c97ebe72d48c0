"""Requests of other HTTP clients: other methods, other encodings, compressed bodies."""

import gzip
import json

import pytest

from testkit.project import DATA
from testkit.stack import RunningStack

RENDER = "/v1/templates/invoice/render"
JSON = {"Content-Type": "application/json"}


def test_head__returns_the_headers_of_get_without_a_body(stack: RunningStack) -> None:
    for path in ("/health", "/v1/openapi.json", "/v1/renders", "/v1/templates/invoice"):
        answer = stack.call("HEAD", path)
        assert (answer.status_code, answer.content) == (200, b""), path
        assert answer.headers["x-request-id"]


def test_a_method_that_a_path_does_not_have__is_405_with_allow(stack: RunningStack) -> None:
    answer = stack.call("DELETE", "/v1/renders")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert stack.call("OPTIONS", "/v1/renders").status_code == 204
    assert stack.call("PUT", "/v1/nothing").status_code == 404


def test_bytes_that_are_not_utf8__are_refused_and_nothing_is_rendered(stack: RunningStack) -> None:
    data = {**DATA, "customer": {"name": "Jürgen"}}
    body = json.dumps({"data": data}, ensure_ascii=False).encode("latin-1")
    answer = stack.call("POST", RENDER, data=body, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_json")
    assert f"offset {body.index(b'\xfc')}" in error["message"]
    assert error["docUrl"].endswith("#invalid_json")


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 202), ("br", 415)])
def test_a_compressed_body__is_decoded_or_refused(
    stack: RunningStack, encoding: str, status: int
) -> None:
    body = gzip.compress(json.dumps({"data": DATA}).encode())
    answer = stack.call("POST", RENDER, data=body, headers=JSON | {"Content-Encoding": encoding})
    assert answer.status_code == status, answer.text


def test_another_charset__is_415(stack: RunningStack) -> None:
    headers = {"Content-Type": "application/json; charset=iso-8859-1"}
    answer = stack.call("POST", RENDER, data=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_preview_data__is_a_valid_request(stack: RunningStack) -> None:
    preview = stack.call("GET", "/v1/templates/invoice").json()["previewData"]
    answer = stack.call("POST", RENDER, json=preview)
    assert answer.status_code == 202, answer.text
