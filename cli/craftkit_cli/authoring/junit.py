"""The results of `craftkit templates test` as JUnit XML, which CI systems show."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from craftkit_cli.authoring.checks import Result


def junit(slug: str, results: Sequence[Result]) -> bytes:
    """A test suite with a test case for each data set."""
    failed = sum(bool(result.failures) for result in results)
    seconds = f"{sum(result.seconds for result in results):.3f}"
    counts = {"tests": str(len(results)), "failures": str(failed), "errors": "0", "time": seconds}
    suites = Element("testsuites", counts)
    suite = SubElement(suites, "testsuite", {"name": slug, **counts})
    for result in results:
        case = SubElement(
            suite,
            "testcase",
            {
                "classname": slug,
                "name": result.data_set.name,
                "time": f"{result.seconds:.3f}",
            },
        )
        if result.failures:
            lines = [f"{failure.check}: {failure.message}" for failure in result.failures]
            attributes = {"type": result.failures[0].check, "message": _printable(lines[0])}
            SubElement(case, "failure", attributes).text = _printable("\n".join(lines))
    indent(suites)
    written: bytes = tostring(suites, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _printable(text: str) -> str:
    """XML holds no control characters but the white space."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t ")
