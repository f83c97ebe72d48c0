"""The XML of an electronic invoice, attached to a finished PDF/A-3 as Factur-X 1.0 asks for it.

The file is attached once (`/AF` and `/EmbeddedFiles`), and the XMP metadata names the standard in
the schema `fx`, which PDF/A requires to be described in the metadata itself (ISO 19005-3, 6.6.2.3).
Typst can attach a file but not write this metadata, so both are done here.
"""

from io import BytesIO

from typst_child import attachments

FILENAME = "factur-x.xml"
_DESCRIPTION = "Electronic invoice in XML (Factur-X / ZUGFeRD, EN 16931)"
_RDF_END = b"</rdf:RDF>"
_SCHEMAS = b"<pdfaExtension:schemas><rdf:Bag>"

_PROPERTIES = (
    ("DocumentFileName", "name of the embedded XML invoice file"),
    ("DocumentType", "INVOICE"),
    ("Version", "The actual version of the Factur-X XML schema"),
    ("ConformanceLevel", "The conformance level of the embedded Factur-X data"),
)

_VALUES = """\
<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">\
<fx:DocumentType>INVOICE</fx:DocumentType>\
<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>\
<fx:Version>1.0</fx:Version>\
<fx:ConformanceLevel>{level}</fx:ConformanceLevel>\
</rdf:Description>"""

_PROPERTY = """\
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>\
<pdfaProperty:valueType>Text</pdfaProperty:valueType>\
<pdfaProperty:category>external</pdfaProperty:category>\
<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"""

_SCHEMA = """\
<rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#\
</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>\
<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"""


def attach(pdf: bytes, xml: bytes, *, level: str, relationship: str) -> bytes:
    """The PDF with the invoice. The same PDF and the same XML give the same bytes.

    Args:
        level: the profile in the words of the metadata, such as `EN 16931`.
        relationship: `Alternative` where the XML says all that the page says, else `Data`.
    """
    from pikepdf import Pdf  # only invoices need it

    with Pdf.open(BytesIO(pdf)) as document:
        attachments.attach(
            document,
            FILENAME,
            xml,
            media_type="text/xml",
            relationship=relationship,
            description=_DESCRIPTION,
        )
        root = document.Root
        root.Metadata.write(_with_schema(root.Metadata.read_bytes(), level))
        output = BytesIO()
        document.save(output, deterministic_id=True, fix_metadata_version=False)
        return output.getvalue()


def _with_schema(metadata: bytes, level: str) -> bytes:
    """XMP as Typst writes it, with the values and the description of `fx`.

    Raises:
        ValueError: Typst wrote other metadata than expected.
    """
    if metadata.count(_RDF_END) != 1 or metadata.count(_SCHEMAS) != 1:
        raise ValueError("the metadata has no place for the schema of Factur-X")
    properties = "".join(
        _PROPERTY.format(name=name, description=description) for name, description in _PROPERTIES
    )
    schema = _SCHEMA.format(properties=properties).encode()
    values = _VALUES.format(level=level).encode()
    described = metadata.replace(_SCHEMAS, _SCHEMAS + schema)
    return described.replace(_RDF_END, values + _RDF_END)
