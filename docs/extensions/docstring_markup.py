"""Docstrings of this project as reStructuredText: they have Markdown's headings, backticks and indented code."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils import unescape
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

HEADING = re.compile(r"#{2,4} (.+)")
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields|Example|Examples|Note|References):")
# Signs that mean something in reStructuredText and nothing in our docstrings: |x|, and a name that ends in "_".
MEANT_AS_IT_STANDS = re.compile(r"\||(?<=\w)_(?!\w)|\*+")
QUOTED = re.compile(r"(`+[^`]*`+)")


def as_restructured(lines: list[str]) -> list[str]:
    """The lines of a docstring with headings as rubrics, and indented blocks that follow a sentence as code."""
    written: list[str] = []
    in_section = in_arguments = False
    for number, line in enumerate(lines):
        heading = HEADING.fullmatch(line)
        if heading and heading[1] == "Arguments":
            written.append("Args:")
            in_arguments = True
            continue
        if in_arguments:
            written.append(f"    {escaped(line)}" if line else line)
            in_arguments = bool(line)
            continue
        if heading:
            written += [f".. rubric:: {heading[1]}", ""]
            in_section = False
            continue
        if line and not line.startswith(" "):
            in_section = SECTION.fullmatch(line) is not None
        begins = line.startswith("    ") and number > 1 and not lines[number - 1] and not in_section
        if begins and lines[number - 2] and not lines[number - 2].startswith((" ", "- ", "..")):
            written += [".. code-block:: python", ""]
        written.append(line if in_code(line, written) else escaped(line))
    return written


def in_code(line: str, before: list[str]) -> bool:
    """Whether a line belongs to the block of code that was opened last."""
    opened = next((i for i in range(len(before) - 1, -1, -1) if before[i].startswith(".. code-block")), None)
    return opened is not None and all(not each or each.startswith("    ") for each in [*before[opened + 1 :], line])


def escaped(line: str) -> str:
    """A line of prose, so that its signs stand for themselves; what is in backticks stays."""
    parts = QUOTED.split(line)
    return "".join(part if i % 2 else MEANT_AS_IT_STANDS.sub(r"\\\g<0>", part) for i, part in enumerate(parts))


def process(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    # An attribute's description would be read as "type: description"; an empty comment before it is no type.
    first = ["..", ""] if what in ("attribute", "data", "property") else []
    lines[:] = first + as_restructured(lines)


def name_role(
    role: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Role of a name in single backticks: code, and a link where the reference has the name."""
    text = unescape(text)
    literal = nodes.literal(rawtext, text, classes=["xref", "py"])
    if not re.fullmatch(r"[A-Za-z_][\w.]*", text):
        return [literal], []
    env = inliner.document.settings.env
    reference = pending_xref(
        rawtext, literal, refdomain="py", reftype="obj", reftarget=text, refexplicit=False, refdoc=env.docname
    )
    reference["named_in_passing"] = True
    reference["py:module"] = env.ref_context.get("py:module")
    reference["py:class"] = env.ref_context.get("py:class")
    return [reference], []


def leave_as_code(app: Sphinx, env: Any, node: pending_xref, contnode: nodes.Element) -> nodes.Element | None:
    """The name as it stands, where it leads nowhere: most of them are arguments."""
    return contnode if node.get("named_in_passing") else None


def setup(app: Sphinx) -> dict[str, bool]:
    # Before napoleon (500), which makes field lists of the sections.
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("missing-reference", leave_as_code)
    app.add_role("name", name_role)
    app.config.default_role = "name"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
