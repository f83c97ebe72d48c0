"""Patterns of a trust rule match whole values, and wildcards stay inside a segment."""

import time

import pytest

from craftkit.trust.patterns import matches, matches_claim, subject_problem

GITHUB = "https://token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("repo:acme/web:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main"),
        ("repo:acme/web:**", "repo:acme/web:ref:refs/heads/release/1.2"),
        ("repo:acme/web:environment:*", "repo:acme/web:environment:production"),
        ("a.c", "a.c"),
        ("system:serviceaccount:ci:*", "system:serviceaccount:ci:builder"),
    ],
)
def test_matches__a_pattern_covers_the_whole_value(pattern: str, value: str) -> None:
    assert matches(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("repo:acme/web", "repo:acme/web:ref:refs/heads/main"),
        ("repo:acme/web*", "repo:acme/web:ref:refs/heads/main"),
        ("repo:acme/*", "repo:acme/web:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/web:x:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/web/x:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme-evil/web:ref:refs/heads/main"),
        ("repo:acme/web:environment:*", "repo:acme/web:environment:a:b"),
        ("repo:acme/web:ref:refs/heads/main", "REPO:acme/web:ref:refs/heads/main"),
        ("repo:acme/web:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main\n"),
        ("repo:acme/web:**x", "repo:acme/web:"),
        ("a.c", "abc"),
        ("", "x"),
    ],
)
def test_matches__other_values_do_not_match(pattern: str, value: str) -> None:
    assert not matches(pattern, value)


def test_matches__a_pattern_of_many_wildcards_is_quick() -> None:
    assert not matches("**a" * 40, "a" * 39 + "b" * 400)
    assert not matches("*a" * 200, "a" * 199 + "b" * 1800)
    started = time.process_time()
    assert not matches("a*" * 249 + "b", "a" * 2000)
    assert time.process_time() - started < 3


def test_matches_claim__lists_by_element_and_json_scalars() -> None:
    assert matches_claim("admins", ["users", "admins"])
    assert matches_claim("true", True)
    assert matches_claim("42", 42)
    for value in (None, {}, [], {"admins": 1}, 4.2, [["admins"]]):
        assert not matches_claim("**", value)


@pytest.mark.parametrize("pattern", ["**", "*", "repo:**", "repo:*/web:**", "repo:acme*/web"])
def test_subject_problem__a_pattern_that_matches_any_repository_is_refused(pattern: str) -> None:
    assert subject_problem(GITHUB, pattern, {"repository_owner_id": "42"})


def test_subject_problem__a_literal_owner_is_enough() -> None:
    assert subject_problem(GITHUB, "repo:acme/**", {}) is None
    assert subject_problem("https://gitlab.com", "project_path:acme/**", {}) is None
    assert subject_problem("https://accounts.google.com", "1234*", {})


@pytest.mark.parametrize("pattern", ["service-*", "a**", "organization:*", "organization:acme:**"])
def test_subject_problem__at_an_unknown_issuer_a_wildcard_needs_a_literal_claim(
    pattern: str,
) -> None:
    """Names of an unknown issuer are not known: another user could have `organization:acme2`."""
    issuer = "https://agent.example.com"
    for claims in ({}, {"organization_id": "*"}, {"organization_id": "4*", "ref": "**"}):
        problem = subject_problem(issuer, pattern, claims)
        assert problem is not None
        assert "organization_id=42" in problem
    assert subject_problem(issuer, pattern, {"organization_id": "42", "ref": "**"}) is None
    assert subject_problem(issuer, "organization:acme:pipeline:web", {}) is None
