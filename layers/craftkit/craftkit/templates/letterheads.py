"""The letterheads of a project: publish, list, delete and find.

A letterhead is checked and prepared in the typesetter's sandbox, and stored under a hash of its
content. Its file stays when it is deleted or replaced, because queued renders still use it; the
file is erased with the project.
"""

from hashlib import sha256

from pydantic import TypeAdapter, ValidationError

from craftkit import dynamodb, storage
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.project_items import LETTERHEAD, LETTERHEAD_FILE, check_project, require_project
from craftkit.templates.models import Letterhead, LetterheadName
from craftkit.typesetter import LETTERHEAD_LIMIT_BYTES, CheckFile, FileError

LETTERHEAD_LIMIT = 40
_NAME = TypeAdapter[str](LetterheadName)


def publish_letterhead(
    project_id: str, name: str, content: bytes, *, by: str, check: CheckFile
) -> Letterhead:
    """Publish a PDF as a letterhead. It replaces the one of the same name for new renders.

    Raises:
        InvalidRequestError: the name is not valid, or the file is no usable PDF of at most 4 MiB
            and 10 pages.
        ConflictError: the project has the maximum number of letterheads, or is being deleted.
        NotFoundError: there is no such project.
    """
    try:
        name = _NAME.validate_python(name)
    except ValidationError as error:
        raise _refusal("name", error.errors(include_input=False)[0]["msg"]) from error
    if len(content) > LETTERHEAD_LIMIT_BYTES:
        raise _refusal("file", "The letterhead is larger than 4 MiB")
    try:
        checked = check(content, "letterhead")
    except FileError as error:
        raise _refusal("file", f"The letterhead cannot be used: {error}") from error
    others = {known.name for known in list_letterheads(project_id)} - {name}
    if len(others) >= LETTERHEAD_LIMIT:
        raise ConflictError(
            f"The project has {LETTERHEAD_LIMIT} letterheads, which is the maximum. Delete one "
            "first."
        )
    letterhead = Letterhead(
        name=name,
        page_count=checked.page_count,
        faults=checked.faults,
        size_bytes=len(content),
        key=f"letterheads/{project_id}/{sha256(checked.content).hexdigest()}",
        published_at=(now := utc_now()),
        by=by,
    )
    storage.put(letterhead.key, checked.content, content_type="application/pdf")
    entry = audit.entry(project_id, actor=by, action="letterhead.published", target=name, now=now)
    try:
        dynamodb.transact(
            [
                check_project(project_id),
                LETTERHEAD.put(_item(project_id, letterhead), condition=None),
                LETTERHEAD_FILE.put(
                    {
                        **LETTERHEAD_FILE.key(project_id, letterhead.key.rpartition("/")[2]),
                        "key": letterhead.key,
                    },
                    condition=None,
                ),
                entry,
            ]
        )
    except ConditionFailedError:
        require_project(project_id)
        raise
    return letterhead


def list_letterheads(project_id: str) -> list[Letterhead]:
    """The project's letterheads, sorted by name."""
    return [_letterhead(item) for item in LETTERHEAD.list(project_id)]


def find_letterhead(project_id: str, name: str) -> Letterhead | None:
    item = LETTERHEAD.get(project_id, name)
    return _letterhead(item) if item else None


def delete_letterhead(project_id: str, name: str, *, by: str) -> None:
    """Delete a letterhead. Renders that were requested with it keep it.

    Raises:
        NotFoundError: the project has no letterhead of this name.
    """
    key = LETTERHEAD.key(project_id, name)
    try:
        dynamodb.transact(
            [
                LETTERHEAD.delete(key, "attribute_exists(pk)"),
                audit.entry(
                    project_id, actor=by, action="letterhead.deleted", target=name, now=utc_now()
                ),
            ]
        )
    except ConditionFailedError as error:
        raise NotFoundError("The project has no letterhead of this name.") from error


def erase_letterheads(project_id: str) -> int:
    """Erase the letterheads of a project with all their files. Returns how many there were."""
    for item in list(LETTERHEAD_FILE.list(project_id)):
        storage.delete(item["key"])
        LETTERHEAD_FILE.table().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    found = list(LETTERHEAD.list(project_id))
    for item in found:
        LETTERHEAD.table().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    return len(found)


def _refusal(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(message, issues=Issues(field_errors={field: [message]}))


def _item(project_id: str, letterhead: Letterhead) -> Item:
    return {
        **LETTERHEAD.key(project_id, letterhead.name),
        "name": letterhead.name,
        "page_count": letterhead.page_count,
        "faults": list(letterhead.faults),
        "size_bytes": letterhead.size_bytes,
        "key": letterhead.key,
        "published_at": to_rfc3339(letterhead.published_at),
        "by": letterhead.by,
    }


def _letterhead(item: Item) -> Letterhead:
    return Letterhead(
        name=item["name"],
        page_count=int(item["page_count"]),
        faults=tuple(item["faults"]),
        size_bytes=int(item["size_bytes"]),
        key=item["key"],
        published_at=from_rfc3339(item["published_at"]),
        by=item["by"],
    )
