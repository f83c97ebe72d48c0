"""PDF files from outside, benign and hostile, as bytes."""

import zlib
from io import BytesIO
from typing import Any, cast

import typst
from pikepdf import Array, Dictionary, Encryption, Name, Pdf, Stream, String

ACTIVE = (b"/JavaScript", b"/Launch", b"/OpenAction", b"/EmbeddedFile", b"/AcroForm", b"/XFA")


def typst_pdf(source: str) -> bytes:
    """A PDF that Typst makes."""
    compiler = typst.Compiler(b'#set document(title: "Outside")\n' + source.encode())
    return cast(bytes, compiler.compile(format="pdf", pdf_standards="1.7", timestamp=0))


def letterhead_pdf(pages: int = 1) -> bytes:
    page = '#place(top, rect(width: 100%, height: 3cm, fill: rgb("#dbeafe"))[ACME {n}])'
    drawn = "\n#pagebreak()\n".join(page.replace("{n}", str(n + 1)) for n in range(pages))
    return typst_pdf(f'#set page(paper: "a4", margin: 0pt)\n{drawn}')


def blank(pages: int = 1) -> Pdf:
    document = Pdf.new()
    for _ in range(pages):
        document.add_blank_page()
    return document


def saved(document: Pdf, **how: Any) -> bytes:
    output = BytesIO()
    document.save(output, **how)
    return output.getvalue()


def bomb(mebibytes: int = 400, layers: int = 1) -> bytes:
    """A page whose content is far larger than its file."""
    content = b"0" * (mebibytes * 1024 * 1024)
    for _ in range(layers):
        content = zlib.compress(content, 9)
    document = blank()
    filters = Array([Name.FlateDecode] * layers)
    document.pages[0].Contents = Stream(document, content, Filter=filters)
    return saved(document, compress_streams=False)


def object_bomb(mebibytes: int = 3000) -> bytes:
    """A cross-reference stream that decompresses to gigabytes: it is read before anything else."""
    squeeze = zlib.compressobj(9)
    packed = b"".join(squeeze.compress(b"\0" * (1 << 20)) for _ in range(mebibytes))
    packed += squeeze.flush()
    head = b"%PDF-1.7\n"
    dictionary = (
        b"1 0 obj\n<</Type/XRef/Size 2/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n"
        % len(packed)
    )
    tail = b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF" % len(head)
    return head + dictionary + packed + tail


def scripted() -> bytes:
    """A document that acts when it is opened, turned and clicked."""
    script = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    with Pdf.open(
        BytesIO(typst_pdf("Text with a #link('https://example.com')[link]".replace("'", '"')))
    ) as document:
        document.Root.OpenAction = script
        document.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("x"), script])))
        document.Root.AcroForm = Dictionary(Fields=Array(), XFA=String("<xdp/>"))
        document.attachments["virus.exe"] = b"MZ"
        page = document.pages[0]
        page.AA = Dictionary(O=Dictionary(S=Name.Launch, F=String("calc.exe")))
        page.Annots.append(
            document.make_indirect(
                Dictionary(
                    Type=Name.Annot,
                    Subtype=Name.Link,
                    Rect=Array([0, 0, 9, 9]),
                    A=Dictionary(S=Name.Launch, F=String("calc.exe")),
                )
            )
        )
        return saved(document)


def loop_of_pages() -> bytes:
    """A page tree that contains itself."""
    body = (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\n"
    )
    second = body.index(b"2 0 obj")
    table = b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n%010d 00000 n \n" % second
    return body + table + b"trailer<</Root 1 0 R/Size 3>>\nstartxref\n%d\n%%%%EOF" % len(body)


def loop_of_forms() -> bytes:
    """A drawing that contains itself."""
    document = blank()
    form = document.make_stream(b"/F Do")
    form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 9, 9])
    form.Resources = Dictionary(XObject=Dictionary(F=form))
    document.pages[0].Resources = Dictionary(XObject=Dictionary(F=form))
    document.pages[0].Contents = document.make_stream(b"/F Do")
    return saved(document)


def nested(depth: int = 100_000) -> bytes:
    """An array inside of an array, a hundred thousand times."""
    document = saved(blank())
    return document.replace(
        b"/MediaBox [", b"/Deep " + b"[" * depth + b"]" * depth + b"/MediaBox ["
    )


def encrypted(user: str = "") -> bytes:
    return saved(blank(), encryption=Encryption(user=user, owner="owner"))


def unembedded() -> bytes:
    """A page with a font that it does not contain, in CMYK."""
    document = blank()
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    document.pages[0].Resources = Dictionary(Font=Dictionary(F1=font))
    document.pages[0].Contents = document.make_stream(
        b"BT /F1 20 Tf 0 1 0 0 k 100 100 Td (Hello) Tj ET"
    )
    return saved(document)
