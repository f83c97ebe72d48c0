"""A PDF as a fragment: its objects in a form that can be written into a larger PDF as it is read.

The merged PDF of a batch is written by a process that has no PDF library, holds one document at a
time and never looks back. Numbers that only it knows are marks in the text of the objects: strings
are written in hexadecimal and names escaped, so that no other control character occurs there.

A fragment is a line of JSON and the objects one after another. Objects come after those that they
refer to where that is possible, so that equal fonts and images are found and written once.
"""

import json
import re
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

from typst_child import appending

if TYPE_CHECKING:
    from pikepdf import Pdf

REFERENCE, KEY = b"\x00%d\x00", b"\x01%d\x01"
_KEY_MARK = b"\x01"
PAGES, TAGS = b"\x02", b"\x03"
"""Of the parent of a page, and of the root of the tags."""

_CATALOG = ("/Lang", "/MarkInfo", "/Metadata", "/OutputIntents", "/ViewerPreferences")
_OF_ONE_PAGE = frozenset({"/Page", "/Annot", "/StructElem", "/OBJR"})
_KEYS = frozenset({"/StructParent", "/StructParents"})
_IRREGULAR = re.compile(rb"[^!$&'*+,.0-:;=?-Z\\^-z|~]|#")


def fragment_of(pdf: bytes) -> bytes:
    """The fragment of a finished PDF without attachments and without a password.

    The header has: `objects`, a list of [id, bytes of the dictionary, bytes of the stream, whether
    equal ones may be written once]; `own`, how many of them the pages and tags need, the others
    being the catalog's; `pages`, `tops` and `tree` (key and object) by id; `keys`, how many keys
    the tree needs; `roles`; `catalog` and `info`, as text.
    """
    from pikepdf import Pdf

    with Pdf.open(BytesIO(pdf)) as document:
        appending.resolve_names(document)
        return _Writer(document).fragment()


class _Writer:
    def __init__(self, document: "Pdf") -> None:
        self._document = document
        self._ids: dict[tuple[int, int], int] = {}
        self._parts: list[tuple[int, bytes, bytes, bool]] = []
        root = document.Root
        self._tags: Any = root.get("/StructTreeRoot")
        self._roots = {root.Pages.objgen: PAGES}
        if self._tags is not None:
            self._roots[self._tags.objgen] = TAGS

    def fragment(self) -> bytes:
        root, trailer = self._document.Root, self._document.trailer
        pages = [self._add(page.obj) for page in self._document.pages]
        tags = self._tags_of() if self._tags is not None else {}
        own = len(self._parts)
        catalog = b"".join(
            _name(key) + b" " + self._text(root[key]) for key in _CATALOG if key in root
        )
        info = self._text(trailer.Info) if "/Info" in trailer else b""
        header = {
            "objects": [
                [id_, len(text), len(data), shared] for id_, text, data, shared in self._parts
            ],
            "own": own,
            "pages": pages,
            "tops": [],
            "tree": [],
            "keys": 0,
            "roles": {},
            **tags,
            "catalog": catalog.decode("ascii"),
            "info": info.decode("ascii"),
        }
        body = b"".join(text + data for _, text, data, _ in self._parts)
        return json.dumps(header, separators=(",", ":")).encode() + b"\n" + body

    def _tags_of(self) -> dict[str, Any]:
        from pikepdf import Array, Dictionary, NumberTree

        kids = list(self._tags.K) if isinstance(self._tags.K, Array) else [self._tags.K]
        language = self._document.Root.get("/Lang")
        for kid in kids:
            if language is not None and "/Lang" not in kid:
                kid.Lang = language
        tree = [
            (key, self._add(value if value.is_indirect else self._document.make_indirect(value)))
            for key, value in NumberTree(self._tags.ParentTree).items()
        ]
        roles = self._tags.get("/RoleMap", Dictionary())
        return {
            "tops": [self._add(kid) for kid in kids],
            "tree": tree,
            "keys": max((key + 1 for key, _ in tree), default=0),
            "roles": {
                _name(key).decode(): self._text(value).decode() for key, value in roles.items()
            },
        }

    def _add(self, each: Any) -> int:
        """The id of an indirect object. It is added behind those that it refers to."""
        from pikepdf import Dictionary, Stream

        known = self._ids.get(each.objgen)
        if known is not None:
            return known
        id_ = self._ids[each.objgen] = len(self._ids)
        data = b""
        if isinstance(each, Stream):
            data = each.read_raw_bytes()
            entries = {key: each[key] for key in each.keys() if key != "/Length"}  # noqa: SIM118
            text = self._entries(entries | {"/Length": len(data)})
        else:
            text = self._direct(each)
        kind = str(each.get("/Type")) if isinstance(each, (Dictionary, Stream)) else ""
        shared = kind not in _OF_ONE_PAGE and _KEY_MARK not in text
        self._parts.append((id_, text, data, shared))
        return id_

    def _text(self, each: Any) -> bytes:
        """A value inside of another: a reference where it is an object of its own."""
        from pikepdf import Object

        if isinstance(each, Object) and each.is_indirect:
            root = self._roots.get(each.objgen)
            return root or REFERENCE % self._add(each)
        return self._direct(each)

    def _direct(self, each: Any) -> bytes:
        from pikepdf import Array, Dictionary, Name, String

        if isinstance(each, Dictionary):
            return self._entries({key: each[key] for key in each.keys()})  # noqa: SIM118
        if isinstance(each, Array):
            return b"[" + b" ".join(map(self._text, each)) + b"]"
        if isinstance(each, Name):
            return _name(str(each))
        if isinstance(each, String):
            return b"<%s>" % bytes(each).hex().encode()
        if each is None:
            return b"null"
        if isinstance(each, bool):
            return b"true" if each else b"false"
        if isinstance(each, Decimal):
            return format(each, "f").encode()
        if isinstance(each, int):
            return b"%d" % each
        raise TypeError(f"an object of the type {type(each).__name__}")

    def _entries(self, entries: dict[str, Any]) -> bytes:
        texts = (
            _name(key) + b" " + (KEY % int(value) if key in _KEYS else self._text(value))
            for key, value in entries.items()
        )
        return b"<<" + b" ".join(texts) + b">>"


def _name(name: str) -> bytes:
    return b"/" + _IRREGULAR.sub(lambda found: b"#%02X" % found[0][0], name[1:].encode())
