"""`craftkit …` against the stack in moto: one JSON document, or the envelope and an exit code."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from craftkit.auth import api_key
from craftkit.templates import service as templates
from craftkit.typesetter import CheckedFile, FontFace, Preview
from craftkit_cli import main as cli
from testkit.cloud import Cloud
from testkit.project import MANIFEST, SOURCE
from testkit.typesetter import FakeTypesetter


@dataclass(frozen=True)
class Run:
    exit_code: int
    out: Any
    error: Any


@pytest.fixture
def craftkit(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.setattr(cli, "connect", lambda _stage: "arn:aws:iam::123456789012:user/ada")
    monkeypatch.setattr("craftkit_cli.projects.typeset_remotely", FakeTypesetter())

    def run(*words: str, stdin: str = "") -> Run:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        exit_code = cli.main(["--stage", "local", *words])
        printed = capsys.readouterr()
        read = [json.loads(text) if text.startswith("{") else None for text in printed]
        return Run(exit_code, *read)

    return run


@pytest.fixture
def project_id(craftkit: Any) -> str:
    return str(craftkit("projects", "create", "--empty", "--name", "Müller & Söhne").out["id"])


@pytest.fixture
def key(craftkit: Any, project_id: str) -> Any:
    words = ("--project", project_id, "--name", "API", "--mode", "live")
    return craftkit("keys", "create", *words).out


def test_projects_create__returns_id_slug_and_name(craftkit: Any) -> None:
    run = craftkit("projects", "create", "--name", "Müller & Söhne")
    assert run.exit_code == 0
    assert run.out["slug"] == "muller-sohne"
    assert run.out["name"] == "Müller & Söhne"


def test_projects_create__starts_with_the_invoice_of_the_quick_start(craftkit: Any) -> None:
    made = craftkit("projects", "create", "--name", "Shop").out
    assert made["templates"] == ["invoice"]
    (template,) = templates.list_templates(made["id"], limit=10).templates
    assert (template.slug, template.latest_version) == ("invoice", 1)
    empty = craftkit("projects", "create", "--name", "Shop", "--empty").out
    assert empty["templates"] == []
    assert templates.list_templates(empty["id"], limit=10).templates == []


def test_projects_create__a_name_twice_makes_two_slugs(craftkit: Any, project_id: str) -> None:
    again = craftkit("projects", "create", "--name", "Müller & Söhne").out
    assert again["id"] != project_id
    assert again["slug"].startswith("muller-sohne-")


def test_projects_add_member__the_first_person_of_a_stage_is_invited(
    craftkit: Any, project_id: str
) -> None:
    """A new stage's user pool is empty and has no sign-up: an operator adds the first user."""
    words = ("--project", project_id, "--email", "ada@example.com", "--role", "owner")
    run = craftkit("projects", "add-member", *words)
    assert (run.exit_code, run.out["email"], run.out["role"]) == (0, "ada@example.com", "owner")
    again = craftkit("projects", "add-member", *words)
    assert again.error["error"]["code"] == "conflict"


def test_projects_add_member__an_invalid_address_is_refused(craftkit: Any, project_id: str) -> None:
    run = craftkit("projects", "add-member", "--project", project_id, "--email", "ada")
    assert run.error["error"]["issues"]["formErrors"] == ["Must be an email address"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_projects_create__a_bad_name_is_refused(craftkit: Any, name: str) -> None:
    run = craftkit("projects", "create", "--name", name)
    assert run.exit_code == 1
    assert run.error["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "The following arguments are required: COMMAND. See `craftkit --help`."),
        (("keys",), "See `craftkit keys --help`."),
        (("keys", "create", "--project", "x"), "required: --name, --mode."),
        (("keys", "list", "--project", "x", "--colour"), "Unrecognized arguments: --colour."),
        (("keys", "create", "--expires-in", "soon"), "give minutes, hours or days"),
    ],
)
def test_an_unknown_command_prints_the_error_envelope(
    craftkit: Any, words: tuple[str, ...], says: str
) -> None:
    run = craftkit(*words)
    assert (run.exit_code, run.error["error"]["code"]) == (1, "invalid_request")
    assert says in run.error["error"]["message"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.json", "cannot be read: No such file or directory."),
        ("notes.json", "is not valid JSON. Line 1, column 1: JSON has no comments."),
    ],
)
def test_templates_publish__an_invalid_file_is_named(
    craftkit: Any, project_id: str, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "notes.json").write_text("# Notes")
    file = str(tmp_path / name)
    words = ("--project", project_id, "--slug", "x", "--name", "X", "--manifest", file)
    message = craftkit("templates", "publish", *words).error["error"]["message"]
    assert message == f"The file {file} {says}"


def test_keys_create__an_expiry_of_zero_is_refused(craftkit: Any, project_id: str) -> None:
    words = ("--project", project_id, "--name", "x", "--mode", "test", "--expires-in", "0d")
    run = craftkit("keys", "create", *words)
    assert run.exit_code == 1
    assert list(run.error["error"]["issues"]["fieldErrors"]) == ["expiresAt"]


def test_keys_create__shows_the_key_once(craftkit: Any, project_id: str, key: Any) -> None:
    assert api_key.stage_of(key["key"]) == "local"
    assert key["prefix"] == key["key"][:13]
    assert len(key["scopes"]) == 4
    listed = craftkit("keys", "list", "--project", project_id).out["keys"]
    assert [one["id"] for one in listed] == [key["id"]]
    assert key["key"] not in json.dumps(listed)


def test_keys_create__stores_only_the_hash(cloud: Cloud, key: Any) -> None:
    for name in ("KeysTable", "ProjectsTable", "AuditTable"):
        kept = json.dumps(cloud.table(name).scan()["Items"], default=str)
        assert key["key"] not in kept
    assert api_key.hash_of(key["key"]) in json.dumps(
        cloud.table("KeysTable").scan()["Items"], default=str
    )


def test_keys_create__for_no_project_is_not_found(craftkit: Any) -> None:
    words = ("--project", "019cec2a-0000-7000-8000-000000000001", "--name", "x", "--mode", "test")
    run = craftkit("keys", "create", *words)
    assert (run.exit_code, run.error["error"]["code"]) == (1, "not_found")


def test_keys_revoke__a_second_revocation_changes_nothing(craftkit: Any, key: Any) -> None:
    first = craftkit("keys", "revoke", key["id"], "--reason", "left the company").out
    second = craftkit("keys", "revoke", key["id"]).out
    assert first["revokedAt"] == second["revokedAt"]
    assert second["revokedReason"] == "left the company"


def test_keys_diagnose__reports_a_valid_key_and_disabled_embed(craftkit: Any, key: Any) -> None:
    out = craftkit("keys", "diagnose", stdin=key["key"] + "\n").out
    assert (out["outcome"], out["keyId"], out["embed"]) == ("fine", key["id"], "off")


def test_keys_diagnose__shows_the_time_of_the_revocation(craftkit: Any, key: Any) -> None:
    revoked_at = craftkit("keys", "revoke", key["id"]).out["revokedAt"]
    out = craftkit("keys", "diagnose", stdin=key["key"]).out
    assert (out["outcome"], out["revokedAt"]) == ("revoked", revoked_at)


def test_keys_diagnose__names_the_stage_of_the_key(craftkit: Any, cloud: Any) -> None:
    out = craftkit("keys", "diagnose", stdin=api_key.mint("live", "prod")).out
    assert (out["outcome"], out["mintedIn"]) == ("wrong_environment", "prod")
    assert "prod" in out["message"]


@pytest.mark.parametrize("text", ["", "nope", "ck_live_short"])
def test_keys_diagnose__garbage_is_malformed(craftkit: Any, text: str, cloud: Any) -> None:
    assert craftkit("keys", "diagnose", stdin=text).out["outcome"] == "malformed"


def test_keys_diagnose__a_well_formed_key_that_does_not_exist_is_unknown(craftkit: Any) -> None:
    out = craftkit("keys", "diagnose", stdin=api_key.mint("live", "local")).out
    assert out["outcome"] == "unknown"


def test_templates_publish__returns_slug_version_and_standard(
    craftkit: Any, project_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit_cli.templates.typeset_remotely", FakeTypesetter())
    manifest, source = tmp_path / "manifest.json", tmp_path / "source.typ"
    manifest.write_text(json.dumps(MANIFEST))
    source.write_text(SOURCE)
    words = ("--project", project_id, "--slug", "invoice", "--name", "Invoice")
    files = ("--manifest", str(manifest), "--source", str(source))
    out = craftkit("templates", "publish", *words, *files).out
    assert out == {
        "slug": "invoice",
        "versionNumber": 1,
        "pdfStandard": "a-2a+ua-1",
        "warnings": [],
    }
    listed = craftkit("templates", "list", "--project", project_id).out["templates"]
    assert listed == [{"slug": "invoice", "name": "Invoice", "latestVersion": 1}]


def test_templates_publish__a_missing_file_is_named(craftkit: Any, project_id: str) -> None:
    words = ("--project", project_id, "--slug", "x", "--name", "X", "--manifest", "no-such.json")
    run = craftkit("templates", "publish", *words)
    assert run.exit_code == 1
    assert "no-such.json" in run.error["error"]["message"]


@pytest.fixture
def published(
    craftkit: Any, project_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """Two versions of `invoice`. Returns the CLI arguments for the template."""
    monkeypatch.setattr("craftkit_cli.templates.typeset_remotely", FakeTypesetter())
    manifest, source = tmp_path / "manifest.json", tmp_path / "source.typ"
    manifest.write_text(json.dumps(MANIFEST))
    words = ("--project", project_id, "--slug", "invoice")
    for text in ("= One", "= Two"):
        source.write_text(text)
        files = ("--manifest", str(manifest), "--source", str(source))
        craftkit("templates", "publish", *words, "--name", "Invoice", *files)
    return words


def test_templates__are_read_compared_and_rolled_back(
    craftkit: Any, published: tuple[str, ...]
) -> None:
    assert craftkit("templates", "read", *published).out["source"] == "= Two"
    assert craftkit("templates", "read", *published, "--version", "1").out["source"] == "= One"
    assert "-= One\n+= Two" in craftkit("templates", "diff", *published, "1", "2").out["source"]
    assert craftkit("templates", "rollback", *published, "1").out["versionNumber"] == 3
    versions = craftkit("templates", "versions", *published).out
    assert [one["number"] for one in versions["versions"]] == [3, 2, 1]
    assert versions["latestVersion"] == 3


def test_templates_delete__frees_the_slug(craftkit: Any, published: tuple[str, ...]) -> None:
    assert craftkit("templates", "delete", *published).out == {"slug": "invoice", "deleted": True}
    run = craftkit("templates", "read", *published)
    assert (run.exit_code, run.error["error"]["code"]) == (1, "template_not_found")


def test_templates_preview__writes_pdf_or_pages_and_no_render(
    craftkit: Any, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typesetter = FakeTypesetter()
    monkeypatch.setattr("craftkit_cli.templates.typeset_remotely", typesetter)
    monkeypatch.setattr(
        "craftkit_cli.templates.preview_remotely", lambda _: Preview((b"1", b"2"), 9)
    )
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(MANIFEST))
    words = ("templates", "preview", "--manifest", str(manifest), "--locale", "de")
    assert craftkit(*words, "--out", str(tmp_path / "x.pdf")).exit_code == 0
    assert (tmp_path / "x.pdf").read_bytes() == typesetter.document.pdf
    assert (typesetter.jobs[0].locale, typesetter.jobs[0].watermark) == ("de", False)
    out = craftkit(*words, "--out", str(tmp_path / "x.png")).out
    assert out["files"] == [str(tmp_path / "x-1.png"), str(tmp_path / "x-2.png")]
    assert out["warnings"] == ["Pages without an image: 7. Use a PDF to get all pages."]
    assert cloud.table("RendersTable").scan()["Items"] == []


def test_fonts__are_added_listed_and_removed(
    craftkit: Any, project_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = FontFace("Brand Sans", 700, "italic")
    monkeypatch.setattr("craftkit_cli.fonts.check_font_remotely", lambda _content: face)
    file = tmp_path / "brand.otf"
    file.write_bytes(b"OTTO")
    added = craftkit("fonts", "add", "--project", project_id, str(file)).out
    assert (added["name"], added["sizeBytes"]) == ("brand-sans-700-italic", 4)
    assert craftkit("fonts", "list", "--project", project_id).out == {"fonts": [added]}
    craftkit("fonts", "remove", "--project", project_id, added["name"])
    assert craftkit("fonts", "list", "--project", project_id).out == {"fonts": []}


def test_letterheads__are_published_listed_and_deleted(
    craftkit: Any, project_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = CheckedFile(b"%PDF-clean", 2, ("it has an image in JPEG 2000",))
    monkeypatch.setattr("craftkit_cli.letterheads.check_file_remotely", lambda *_: checked)
    file = tmp_path / "paper.pdf"
    file.write_bytes(b"%PDF-")
    words = ("letterheads", "publish", "--project", project_id, "--name", "Acme")
    published = craftkit(*words, "--file", str(file)).out
    assert (published["name"], published["pageCount"], published["sizeBytes"]) == ("Acme", 2, 5)
    assert published["pdfaIssues"] == ["it has an image in JPEG 2000"]
    listed = craftkit("letterheads", "list", "--project", project_id).out
    assert listed == {"letterheads": [published]}
    craftkit("letterheads", "delete", "--project", project_id, "--name", "Acme")
    assert craftkit("letterheads", "list", "--project", project_id).out == {"letterheads": []}


def test_templates_preview__writes_no_file_of_another_type(craftkit: Any, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(MANIFEST))
    out = tmp_path / "page.gif"
    run = craftkit("templates", "preview", "--manifest", str(manifest), "--out", str(out))
    assert run.exit_code == 1
    assert "must end in .pdf or .png" in run.error["error"]["message"]
    assert not out.exists()
