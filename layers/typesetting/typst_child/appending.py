"""Appends the pages of other PDFs to a finished PDF, each with a bookmark.

The renders of the service keep their tags: their tag tree becomes a part of the document's own
(ISO 32000-1, 14.7), so that a tagged document stays tagged. Files from outside have none left:
see `foreign`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pikepdf import Pdf

_ROLES = ("/RoleMap", "/ClassMap")


def append(document: "Pdf", other: "Pdf", title: str) -> None:
    """Append the pages of another PDF. `other` must stay open until the document is saved.

    Args:
        title: of the bookmark.
    """
    from pikepdf import Array, Name

    is_tagged = "/StructTreeRoot" in other.Root and "/StructTreeRoot" in document.Root
    resolve_names(other)
    offset = _next_key(document) if is_tagged else 0
    for page in other.pages:
        for owner, key in (
            (page, "/StructParents"),
            *((a, "/StructParent") for a in _annotations(page)),
        ):
            if key in owner:
                if is_tagged:
                    owner[key] = int(owner[key]) + offset
                else:
                    del owner[key]
    first = len(document.pages)
    document.pages.extend(other.pages)
    if is_tagged:
        _join_tags(document, other, offset)
    _add_bookmark(document, title, Array([document.pages[first].obj, Name.Fit]))


def _annotations(page: Any) -> list[Any]:
    return list(page.get("/Annots", []))


def resolve_names(other: "Pdf") -> None:
    """Links to named places become links to places: names are of one document."""
    from pikepdf import Array, Dictionary, NameTree, String

    names = other.Root.get("/Names")
    tree = names.get("/Dests") if names is not None else None
    places = dict(NameTree(tree).items()) if tree is not None else {}
    for page in other.pages:
        for each in _annotations(page):
            action = each.get("/A")
            owner, key = (
                (action, "/D")
                if isinstance(action, Dictionary) and action.get("/S") == "/GoTo"
                else (each, "/Dest")
            )
            target = owner.get(key)
            if isinstance(target, String):
                place = places.get(str(target))
                if isinstance(place, Dictionary):
                    place = place.get("/D")
                if isinstance(place, Array):
                    owner[key] = place
                else:
                    del owner[key]


def _next_key(document: "Pdf") -> int:
    """The first free key of the parent tree."""
    from pikepdf import NumberTree

    root = document.Root.StructTreeRoot
    if "/ParentTreeNextKey" in root:
        return int(root.ParentTreeNextKey)
    return max(NumberTree(root.ParentTree), default=-1) + 1


def _join_tags(document: "Pdf", other: "Pdf", offset: int) -> None:
    """Hang the other document's tags below the root of this one."""
    from pikepdf import Array, Dictionary, Name, NumberTree, String

    ours, theirs = document.Root.StructTreeRoot, other.Root.StructTreeRoot
    next_key = _next_key(other)
    kids = theirs.K if isinstance(theirs.get("/K"), Array) else Array([theirs.K])
    language = other.Root.get("/Lang")
    # Its root is not copied: the elements below it get this document's root as their parent.
    tops = []
    for kid in kids:
        del kid["/P"]
        if language is not None and "/Lang" not in kid:
            kid.Lang = String(str(language))
        tops.append(document.copy_foreign(kid))
    if not isinstance(ours.get("/K"), Array):
        ours.K = Array([ours.K])
    for top in tops:
        top.P = ours
        ours.K.append(top)
    tree = NumberTree(ours.ParentTree)
    for key, value in NumberTree(theirs.ParentTree).items():
        shared = value if value.is_indirect else other.make_indirect(value)
        tree[key + offset] = document.copy_foreign(shared)
    ours.ParentTreeNextKey = offset + next_key
    for name in _ROLES:
        for role, meaning in dict(theirs.get(name, Dictionary())).items():
            if name not in ours:
                ours[name] = Dictionary()
            if role not in ours[name] and isinstance(meaning, Name):
                ours[name][role] = meaning


def _add_bookmark(document: "Pdf", title: str, place: Any) -> None:
    from pikepdf import OutlineItem

    with document.open_outline() as outline:
        outline.root.append(OutlineItem(title, place))
