"""Findings as JUnit XML, which every build service shows: a suite for each file, a case for each finding."""

from __future__ import annotations

from xml.etree import ElementTree

from ..diagnostics import Diagnostic, NotExamined, Severity
from .findings import Report, Where, from_here, message, places
from .text import clean, clean_name


def as_junit(report: Report) -> str:
    """The findings as test cases, of which errors have failed, and what was not examined was skipped.

    A warning or info is a case that has passed, with what was found as its output. A file without findings has one case
    that has passed.
    """
    suites: dict[str, ElementTree.Element] = {}
    for file in report.examined:
        _suite(suites, file)
    for finding, where in places(report):
        _add_finding(_suite(suites, where.file if where else ""), finding, where)
    for gap in report.not_examined:
        _add_gap(_suite(suites, gap.file), gap)
    root = ElementTree.Element("testsuites", name="comfyproof")
    for suite in suites.values():
        if len(suite) == 0:
            ElementTree.SubElement(suite, "testcase", name="no findings", classname=suite.attrib["name"], time="0")
        root.append(_counted(suite, suite))
    ElementTree.indent(_counted(root, *suites.values()))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(suites: dict[str, ElementTree.Element], file: str) -> ElementTree.Element:
    """The suite of a file, or of what belongs to none."""
    name = clean(from_here(file)) if file else "comfyproof"
    if name not in suites:
        suites[name] = ElementTree.Element("testsuite", name=name)
    return suites[name]


def _add_finding(suite: ElementTree.Element, finding: Diagnostic, where: Where | None) -> None:
    rule, span = finding.rule, where.span if where else None
    spot = f" ({span.line}:{span.column})" if span else ""
    case = ElementTree.SubElement(
        suite, "testcase", name=f"{rule.code} {rule.name}{spot}", classname=suite.attrib["name"], time="0"
    )
    problem, severity = clean(message(finding)), rule.severity
    position = f"{clean_name(where.file)}:{span.line}:{span.column}: " if where and span else ""
    said = f"{position}{severity.value}[{rule.code}]: {problem}"
    if finding.help:
        said += f"\nhelp: {clean(finding.help)}"
    if severity is Severity.ERROR:
        ElementTree.SubElement(case, "failure", type=severity.value, message=problem).text = said
    else:
        ElementTree.SubElement(case, "system-out").text = said


def _add_gap(suite: ElementTree.Element, gap: NotExamined) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=clean(gap.what), classname=suite.attrib["name"], time="0")
    ElementTree.SubElement(case, "skipped", message=f"not examined: {clean(gap.reason)}")


def _counted(element: ElementTree.Element, *suites: ElementTree.Element) -> ElementTree.Element:
    """An element that says how many cases these suites have, and how they ended."""
    for name, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        element.set(name, str(sum(len(suite.findall(path)) for suite in suites)))
    element.set("errors", "0")
    element.set("time", "0")
    return element
