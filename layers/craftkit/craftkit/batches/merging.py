"""Writes the documents of a batch into one PDF, each with a bookmark, as they are read.

The typesetter's child has made a fragment of each document (`typst_child.fragment`): its objects as
text with marks in the place of numbers. Here numbers are given, objects are written through, and
what remains in memory is a number for each object, page and bookmark. Equal fonts and images are
written once. The order of a PDF's objects does not matter (ISO 32000-1, 7.5): the page tree, the
tags' tree, the outline and the table of objects follow at the end.
"""

import json
import re
import zlib
from array import array
from hashlib import sha256
from typing import Any, Protocol

OBJECT_LIMIT = 8_000_000
"""PDF/A allows 8,388,607 objects (ISO 19005-2, 6.1.13)."""

_GROUP = 100
"""Documents below one node of the page tree."""

_SHARED_LIMIT = 50_000
_REFERENCE = re.compile(rb"\x00(\d+)\x00")
_KEY = re.compile(rb"\x01(\d+)\x01")
_PAGES, _TAGS = b"\x02", b"\x03"


class TooManyObjectsError(Exception):
    """The merged PDF would have more objects than a PDF may have."""


class Output(Protocol):
    def write(self, content: bytes, /) -> int: ...


class MergedPdf:
    """A PDF that grows by fragments. `close` completes it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._at = 0
        # By number; 0 is not used. An object that is referred to and not written stays 0.
        self._offsets = array("Q", [0])
        self._shared: dict[bytes, int] = {}
        self._groups: list[tuple[int, int]] = []
        self._group_kids: list[int] = []
        self._group_pages = 0
        self._bookmarks: list[tuple[str, int]] = []
        self._tops = array("L")
        self._tree: list[tuple[int, int, int]] = []
        self._next_key = 0
        self._roles: dict[str, str] = {}
        self._catalog: bytes | None = None
        self._info = b""
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self._pages, self._tags = self._number(), self._number()
        self._group = self._number()

    def add(self, fragment: bytes, title: str) -> None:
        """Write one document.

        Raises:
            TooManyObjectsError: there is no room for it.
        """
        head, _, body = fragment.partition(b"\n")
        header = json.loads(head)
        if len(self._offsets) + len(header["objects"]) > OBJECT_LIMIT:
            raise TooManyObjectsError
        if len(self._group_kids) == _GROUP:
            self._end_group()
        node, ids = self._number(), dict[int, int]()
        is_first, at = self._catalog is None, 0
        for place, (id_, text_bytes, data_bytes, is_shared) in enumerate(header["objects"]):
            end = at + text_bytes + data_bytes
            if is_first or place < header["own"]:
                text, data = body[at : at + text_bytes], body[at + text_bytes : end]
                self._add_object(ids, id_, text, data, node, is_shared=is_shared)
            at = end
        pages = [ids[page] for page in header["pages"]]
        self._node(node, pages, len(pages), self._group)
        self._group_kids.append(node)
        self._group_pages += len(pages)
        self._bookmarks.append((title, pages[0]))
        self._tops.extend(ids[top] for top in header["tops"])
        self._add_tree(header, ids)
        if is_first:
            self._catalog = self._placed(header["catalog"].encode(), ids, node)
            self._info = self._placed(header["info"].encode(), ids, node)

    def close(self) -> None:
        """Write what is common to all documents."""
        self._end_group()
        kids = [number for number, _ in self._groups]
        self._node(self._pages, kids, sum(count for _, count in self._groups), None)
        catalog = b"<</Type/Catalog/Pages %d 0 R/PageMode/UseOutlines" % self._pages
        catalog += b"/Outlines %d 0 R" % self._outline()
        if self._tops:
            self._write_tags()
            catalog += b"/StructTreeRoot %d 0 R" % self._tags
        root = self._object(catalog + (self._catalog or b"") + b">>")
        self._write_table(root)

    def _add_object(
        self, ids: dict[int, int], id_: int, text: bytes, data: bytes, node: int, *, is_shared: bool
    ) -> None:
        known = id_ in ids or any(int(each) not in ids for each in _REFERENCE.findall(text))
        text = self._placed(text, ids, node)
        if data or text.endswith(b"/Length 0>>"):
            text = b"%b\nstream\n%b\nendstream" % (text, data)
        digest = sha256(text).digest() if is_shared and not known else None
        if digest is not None and digest in self._shared:
            ids[id_] = self._shared[digest]
            return
        number = ids.get(id_) or self._number()
        ids[id_] = number
        self._object(text, number)
        if digest is not None and len(self._shared) < _SHARED_LIMIT:
            self._shared[digest] = number

    def _placed(self, text: bytes, ids: dict[int, int], node: int) -> bytes:
        """The text with numbers in the place of its marks."""

        def reference(found: re.Match[bytes]) -> bytes:
            id_ = int(found[1])
            if id_ not in ids:
                ids[id_] = self._number()
            return b"%d 0 R" % ids[id_]

        text = _REFERENCE.sub(reference, text)
        text = _KEY.sub(lambda found: b"%d" % (self._next_key + int(found[1])), text)
        return text.replace(_PAGES, b"%d 0 R" % node).replace(_TAGS, b"%d 0 R" % self._tags)

    def _add_tree(self, header: dict[str, Any], ids: dict[int, int]) -> None:
        """A leaf of the parent tree with the keys of one document."""
        if header["tree"]:
            pairs = sorted((self._next_key + key, ids[id_]) for key, id_ in header["tree"])
            text = b" ".join(b"%d %d 0 R" % pair for pair in pairs)
            first, last = pairs[0][0], pairs[-1][0]
            leaf = self._object(b"<</Limits[%d %d]/Nums[%b]>>" % (first, last, text))
            self._tree.append((leaf, first, last))
        self._next_key += header["keys"]
        self._roles = header["roles"] | self._roles

    def _end_group(self) -> None:
        if self._group_kids:
            self._node(self._group, self._group_kids, self._group_pages, self._pages)
            self._groups.append((self._group, self._group_pages))
            self._group, self._group_kids, self._group_pages = self._number(), [], 0

    def _node(self, number: int, kids: list[int], count: int, parent: int | None) -> None:
        above = b"/Parent %d 0 R" % parent if parent is not None else b""
        self._object(
            b"<</Type/Pages%b/Count %d/Kids[%b]>>" % (above, count, _references(kids)), number
        )

    def _outline(self) -> int:
        root = self._number()
        numbers = [self._number() for _ in self._bookmarks]
        for place, (title, page) in enumerate(self._bookmarks):
            text = b"<</Parent %d 0 R/Title<%b>/Dest[%d 0 R/Fit]" % (
                root,
                ("\ufeff" + title).encode("utf-16-be").hex().encode(),
                page,
            )
            if place:
                text += b"/Prev %d 0 R" % numbers[place - 1]
            if place + 1 < len(numbers):
                text += b"/Next %d 0 R" % numbers[place + 1]
            self._object(text + b">>", numbers[place])
        ends = (numbers[0], numbers[-1], len(numbers)) if numbers else (0, 0, 0)
        self._object(b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % ends, root)
        return root

    def _write_tags(self) -> None:
        groups = []
        for start in range(0, len(self._tree), _GROUP):
            part = self._tree[start : start + _GROUP]
            kids = _references([leaf for leaf, _, _ in part])
            groups.append(
                self._object(b"<</Limits[%d %d]/Kids[%b]>>" % (part[0][1], part[-1][2], kids))
            )
        tree = self._object(b"<</Kids[%b]>>" % _references(groups))
        roles = "".join(f"{role} {meaning}" for role, meaning in self._roles.items()).encode()
        text = b"<</Type/StructTreeRoot/ParentTree %d 0 R/ParentTreeNextKey %d" % (
            tree,
            self._next_key,
        )
        text += b"/RoleMap<<%b>>/K[%b]>>" % (roles, _references(self._tops))
        self._object(text, self._tags)

    def _write_table(self, root: int) -> None:
        """The table of objects as a stream (ISO 32000-1, 7.5.8), and the end of the file."""
        number = self._number()
        start = self._at
        self._offsets[number] = start
        squeeze = zlib.compressobj()
        packed = bytearray(squeeze.compress(b"\x00" + bytes(6)))
        for offset in self._offsets[1:]:
            kind = b"\x01" if offset else b"\x00"
            packed += squeeze.compress(kind + offset.to_bytes(6, "big"))
        packed += squeeze.flush()
        id_ = sha256(b"%d %d" % (start, len(self._offsets)) + bytes(packed)).hexdigest()[:32]
        info = b"/Info " + self._info if self._info else b""
        text = b"<</Type/XRef/Size %d/W[1 6 0]/Root %d 0 R%b/ID[<%b><%b>]" % (
            len(self._offsets),
            root,
            info,
            id_.encode(),
            id_.encode(),
        )
        text += b"/Filter/FlateDecode/Length %d>>\nstream\n" % len(packed)
        self._write(b"%d 0 obj\n" % number + text + packed + b"\nendstream\nendobj\n")
        self._write(b"startxref\n%d\n%%%%EOF\n" % start)

    def _number(self) -> int:
        self._offsets.append(0)
        return len(self._offsets) - 1

    def _object(self, text: bytes, number: int | None = None) -> int:
        number = self._number() if number is None else number
        self._offsets[number] = self._at
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, text))
        return number

    def _write(self, content: bytes | bytearray) -> None:
        self._output.write(bytes(content))
        self._at += len(content)


def _references(numbers: Any) -> bytes:
    return b" ".join(b"%d 0 R" % number for number in numbers)
