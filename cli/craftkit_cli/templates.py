"""`craftkit templates …`"""

import argparse
from pathlib import Path
from typing import Any, get_args

from craftkit.clock import to_rfc3339, utc_now
from craftkit.errors import InvalidRequestError, Issues
from craftkit.projects import service as projects
from craftkit.remote_typesetter import preview_remotely, typeset_remotely
from craftkit.templates import data, publishing, service
from craftkit.templates.fonts import fonts_of
from craftkit.templates.models import TemplateVersion, read_manifest, require_publishable
from craftkit.templates.source import write_source
from craftkit.templates.views import TemplateView, VersionView
from craftkit.typesetter import DEFAULT_PDF_STANDARD, Job, PdfStandard, TypesettingError
from craftkit_cli import new_template
from craftkit_cli.answers import Answer
from craftkit_cli.api import api_command, call
from craftkit_cli.arguments import Run, command, group
from craftkit_cli.authoring import commands as author_commands
from craftkit_cli.files import read_json_file, read_text_file, write_file
from craftkit_sdk import Craftkit

_LIST = "list templates: of the API key's project, or of any project with --project"


def add_commands(root: Any) -> None:
    commands = group(root, "templates", "publish, read and delete templates")

    new_template.add_command(commands)
    author_commands.add_commands(commands)
    publish = _of_one(commands, "publish", _publish, "publish a template's next version")
    publish.add_argument("--name", required=True)
    _about_content(publish)

    listed = command(commands, "list", _list, _LIST, in_project=False)
    listed.add_argument(
        "--project", metavar="ID", help="the project to list; needs AWS credentials"
    )
    listed.set_defaults(needs_aws=None)
    what = "show a template with its JSON Schema and preview data, through the API"
    api_command(commands, "get", _get, what, "slug")
    _of_one(commands, "versions", _versions, "list a template's versions, newest first")
    what = "show manifest and source of a version (default: the latest)"
    read = _of_one(commands, "read", _show, what)
    read.add_argument("--version", type=int, metavar="NUMBER")
    author_commands.add_diff(commands, _diff)
    what = "publish the content of an old version as the next version"
    rollback = _of_one(commands, "rollback", _roll_back, what)
    rollback.add_argument("number", type=int, metavar="NUMBER")
    _of_one(commands, "delete", _delete, "delete a template and its versions")

    what = "write a PDF or PNG pages without creating a render"
    preview = command(commands, "preview", _preview, what, in_project=False)
    preview.add_argument("--project", metavar="ID", help="the project whose fonts to use")
    preview.add_argument("--data", metavar="FILE", help="JSON (default: the preview data)")
    preview.add_argument("--name", default="Preview", help="the document's title")
    preview.add_argument(
        "--out", required=True, metavar="FILE", help="x.pdf, or x.png for one file per page"
    )
    _about_content(preview)


def _of_one(commands: Any, name: str, run: Run, what: str) -> argparse.ArgumentParser:
    made = command(commands, name, run, what)
    made.add_argument("--slug", required=True)
    return made


def _about_content(made: argparse.ArgumentParser) -> None:
    made.add_argument("--manifest", required=True, metavar="FILE")
    made.add_argument(
        "--source", metavar="FILE", help="Typst (default: generated from the manifest)"
    )
    made.add_argument("--locale", default="en")
    made.add_argument("--pdf-standard", choices=get_args(PdfStandard), default=DEFAULT_PDF_STANDARD)


def _publish(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    version = publishing.publish(
        project.id,
        arguments.slug,
        arguments.name,
        read_json_file(arguments.manifest),
        read_text_file(arguments.source) if arguments.source else None,
        arguments.pdf_standard,
        arguments.locale,
        by=operator,
        typeset=typeset_remotely,
    )
    return _published(version)


def _get(arguments: argparse.Namespace, client: Craftkit) -> Answer:
    return dict(client.templates.get(arguments.slug))


def _list_through_api(_arguments: argparse.Namespace, client: Craftkit) -> Answer:
    shown = ("slug", "name", "latestVersion")
    templates = [dict(each) for each in client.templates.list()]
    return {"templates": [{name: each[name] for name in shown} for each in templates]}


def _list(arguments: argparse.Namespace, _operator: str) -> Answer | str:
    if not arguments.project:
        return call(_list_through_api, arguments)
    project = projects.get_project(arguments.project)
    templates: list[Answer] = []
    cursor = None
    while True:
        page = service.list_templates(project.id, cursor=cursor)
        templates += [
            {"slug": one.slug, "name": one.name, "latestVersion": one.latest_version}
            for one in page.templates
        ]
        cursor = page.next_cursor
        if cursor is None:
            return {"templates": templates}


def _versions(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    template = service.get_template(project.id, arguments.slug)
    versions = service.list_versions(project.id, arguments.slug)
    return {
        **TemplateView.of(template).model_dump(mode="json", by_alias=True),
        "versions": [
            {**VersionView.of(one).model_dump(mode="json", by_alias=True), "by": one.by}
            for one in versions
        ],
    }


def _show(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    version = service.current_version(project.id, arguments.slug, arguments.version)
    return {
        **_published(version),
        "name": version.name,
        "locale": version.locale,
        "publishedAt": to_rfc3339(version.published_at),
        "by": version.by,
        "manifest": version.manifest.as_json(),
        "source": version.source,
    }


def _diff(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    changed = service.diff(project.id, arguments.slug, arguments.before, arguments.after)
    return {"slug": arguments.slug, **changed}


def _roll_back(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    version = publishing.roll_back(
        project.id, arguments.slug, arguments.number, by=operator, typeset=typeset_remotely
    )
    return _published(version)


def _delete(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    service.delete_template(project.id, arguments.slug, by=operator)
    return {"slug": arguments.slug, "deleted": True}


def _preview(arguments: argparse.Namespace, _operator: str) -> Answer:
    out = Path(arguments.out)
    if out.suffix not in (".pdf", ".png"):
        message = f"--out must end in .pdf or .png; it is {out.name}."
        raise InvalidRequestError(message, issues=Issues(field_errors={"out": [message]}))
    require_publishable("preview", arguments.name, arguments.pdf_standard, arguments.locale)
    manifest = read_manifest(read_json_file(arguments.manifest))
    source = (
        read_text_file(arguments.source)
        if arguments.source
        else write_source(manifest, arguments.name)
    )
    sent = read_json_file(arguments.data) if arguments.data else data.preview_data(manifest)
    job = Job(
        source=source,
        data=data.validate_data(manifest, sent),
        types=data.types(manifest),
        locale=arguments.locale,
        title=arguments.name,
        created_at=utc_now(),
        pdf_standard=arguments.pdf_standard,
        font_files=fonts_of(arguments.project, source) if arguments.project else {},
    )
    try:
        if out.suffix == ".png":
            shown = preview_remotely(job)
            pages, warnings = shown.pages, shown.warnings
            files = [out.with_stem(f"{out.stem}-{number}") for number in range(1, len(pages) + 1)]
            missing = shown.page_count - len(pages)
            if missing:
                left_out = f"Pages without an image: {missing}. Use a PDF to get all pages."
                warnings = (*warnings, left_out)
        else:
            document = typeset_remotely(job)
            pages, files, warnings = (document.pdf,), [out], document.warnings
    except TypesettingError as error:
        where = f"Line {error.line}, column {error.column}: " if error.line else ""
        raise InvalidRequestError(where + str(error)) from error
    for file, content in zip(files, pages, strict=True):
        write_file(file, content)
    return {"files": [str(file) for file in files], "warnings": list(warnings)}


def _published(version: TemplateVersion) -> Answer:
    return {
        "slug": version.slug,
        "versionNumber": version.number,
        "pdfStandard": version.pdf_standard,
        "warnings": list(version.warnings),
    }
