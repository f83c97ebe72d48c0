"""A folder's template and the versions of a project: push, pull and diff, through the API."""

import json
import subprocess
from difflib import unified_diff
from pathlib import Path
from shutil import which
from typing import Any

from craftkit.errors import CraftkitError, InvalidRequestError
from craftkit.templates.models import read_manifest
from craftkit_cli.answers import Answer
from craftkit_cli.authoring.folder import (
    DATA,
    MANIFEST,
    SETTINGS,
    SOURCE,
    Template,
)
from craftkit_cli.files import read_json_file, write_file
from craftkit_sdk import Craftkit, NotFoundError
from craftkit_sdk.types import TemplateVersion

_NOT_COMMITTED = (
    "{folder} has changes that are not in git: {files}. Commit them, or push the files as they "
    "are with --uncommitted."
)
_NO_REPOSITORY = "{folder} is not in a git repository. To push it as it is, use --uncommitted."


def push(template: Template, client: Craftkit, *, publish: bool) -> Answer:
    """Create a version of the folder's content, unless the newest version has this content.

    Args:
        publish: whether renders use the version from now on.

    Returns:
        slug, versionNumber, published, and `created`: false where nothing changed.
    """
    settings = template.settings
    newest = newest_version(client, settings.slug)
    if newest and _content_of(newest) == content_of(template):
        if publish and not newest["published"]:
            client.templates.publish_version(settings.slug, newest["versionNumber"])
        return {
            "slug": settings.slug,
            "versionNumber": newest["versionNumber"],
            "published": publish or newest["published"],
            "created": False,
        }
    made = client.templates.create_version(
        settings.slug,
        template.manifest.as_json(),
        template.source,
        name=settings.name,
        locale=settings.locale,
        pdf_standard=settings.pdf_standard,
        publish=publish,
    )
    return {**made, "created": True}


def pull(folder: Path, slug: str, number: int | None, client: Craftkit, *, force: bool) -> Answer:
    """Write a version's files into a folder. Data sets, images and test settings stay.

    Raises:
        InvalidRequestError: a file there has another content, and `force` is false.
    """
    version = _version(client, slug, number)
    settings = _present_settings(folder) | {
        "slug": slug,
        "name": version["name"],
        "locale": version["locale"],
        "pdfStandard": version["pdfStandard"],
    }
    contents = {
        SETTINGS: _json(settings),
        MANIFEST: _json(version["manifest"]),
        SOURCE: version["source"],
    }
    if not force:
        changed = [name for name, text in contents.items() if _differs(folder / name, text)]
        if changed:
            raise InvalidRequestError(
                f"{folder / changed[0]} has another content, which would be lost. Compare with "
                "`craftkit templates diff`, then pull with --force."
            )
    if not (folder / DATA).exists():
        preview = client.templates.get(slug)["previewData"]
        if preview:
            contents[DATA] = _json(preview["data"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be made: {error.strerror}."
        raise InvalidRequestError(message) from error
    for name, text in contents.items():
        write_file(folder / name, text.encode())
    files = [str(folder / name) for name in contents]
    return {"slug": slug, "versionNumber": version["versionNumber"], "files": files}


def diff(template: Template, number: int | None, client: Craftkit) -> Answer:
    """What differs between a version (the newest without a number) and the folder.

    Returns:
        versionNumber (None without a version), `same`, `settings` by name with before and after,
        and unified diffs of `manifest` and `source`.
    """
    slug = template.settings.slug
    version = _version(client, slug, number) if number else newest_version(client, slug)
    before: dict[str, Any] = _content_of(version) if version else dict.fromkeys(_SETTINGS, None)
    after = content_of(template)
    return {
        "slug": slug,
        "versionNumber": version["versionNumber"] if version else None,
        "same": before == after,
        "settings": {
            name: {"before": before[name], "after": after[name]}
            for name in _SETTINGS
            if before[name] != after[name]
        },
        "manifest": _lines(before.get("manifest", ""), after["manifest"], MANIFEST),
        "source": _lines(before.get("source", ""), after["source"], SOURCE),
    }


_SETTINGS = ("name", "locale", "pdfStandard")


def newest_version(client: Craftkit, slug: str) -> TemplateVersion | None:
    """The version with the highest number, published or not; None where there is none."""
    try:
        versions = client.templates.list_versions(slug)
    except NotFoundError:
        return None
    return client.templates.get_version(slug, versions[0]["number"]) if versions else None


def _version(client: Craftkit, slug: str, number: int | None) -> TemplateVersion:
    if number is None:
        newest = newest_version(client, slug)
        if newest is None:
            raise InvalidRequestError(f"The template {slug} has no version.")
        return newest
    return client.templates.get_version(slug, number)


def content_of(template: Template) -> dict[str, str]:
    """What makes a version, in a form that can be compared."""
    settings = template.settings
    return {
        "name": settings.name,
        "locale": settings.locale,
        "pdfStandard": settings.pdf_standard,
        "manifest": _json(template.manifest.as_json()),
        "source": template.source,
    }


def _content_of(version: TemplateVersion) -> dict[str, str]:
    return {
        "name": version["name"],
        "locale": version["locale"],
        "pdfStandard": version["pdfStandard"],
        "manifest": _json(read_manifest(version["manifest"]).as_json()),
        "source": version["source"],
    }


def _lines(before: str, after: str, name: str) -> list[str]:
    return list(
        unified_diff(
            before.splitlines(),
            after.splitlines(),
            f"version/{name}",
            f"folder/{name}",
            lineterm="",
        )
    )


def require_committed(folder: Path) -> None:
    """Refuse a folder whose files differ from what is in git.

    Raises:
        InvalidRequestError: the folder has changes, or is in no repository.
    """
    git = which("git")
    if git is None:
        raise InvalidRequestError("git is not installed here, so use --uncommitted.")
    status = [git, "-C", str(folder), "status", "--porcelain", "--untracked-files=all", "--", "."]
    done = subprocess.run(status, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise InvalidRequestError(_NO_REPOSITORY.format(folder=folder))
    changed = [line[3:] for line in done.stdout.splitlines()]
    if changed:
        files = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
        raise InvalidRequestError(_NOT_COMMITTED.format(folder=folder, files=files))


def _present_settings(folder: Path) -> dict[str, Any]:
    if not (folder / SETTINGS).exists():
        return {}
    return read_json_file(str(folder / SETTINGS))


def _differs(file: Path, text: str) -> bool:
    """Whether a file is there with another content. JSON is compared by its values."""
    if not file.exists():
        return False
    present = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix != ".json":
        return present != text
    try:
        values = read_json_file(str(file)), json.loads(text)
        if file.name == MANIFEST:
            return read_manifest(values[0]) != read_manifest(values[1])
    except CraftkitError:
        return True
    return bool(values[0] != values[1])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
