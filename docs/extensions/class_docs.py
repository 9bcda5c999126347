"""Docstrings of tasks and rewards, taken apart: summary, sections, arguments; as Markdown for the pages."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
ARGS = re.compile(r"^Args:\n((?:[ \n].*\n?)*)", re.MULTILINE)
GOOGLE_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns):\n(?:(?: .*)?\n?)*", re.MULTILINE)
ARGUMENT = re.compile(r"^(\w+(?:, \w+)*): ", re.MULTILINE)


@dataclass(frozen=True)
class ClassDoc:
    """A class's docstring.

    Attributes:
        summary: what stands before the first heading or section, as Markdown.
        sections: heading -> Markdown, of headings "## ...".
        arguments: names, as they are described together ("train_size, test_size") -> Markdown on one line.
    """

    summary: str
    sections: Mapping[str, str]
    arguments: Mapping[str, str]


def class_doc(cls: type[Any]) -> ClassDoc:
    """The docstring of a class."""
    text = inspect.getdoc(cls) or ""
    found = ARGS.search(text)
    block = textwrap.dedent(re.split(r"\n(?=\S)", found[1])[0]) if found else ""
    prose = GOOGLE_SECTION.sub("", text)
    summary, *parts = HEADING.split(prose)
    sections = {title: markdown(body) for title, body in zip(parts[::2], parts[1::2], strict=True)}
    names = list(ARGUMENT.finditer(block))
    ends = [each.start() for each in names[1:]] + [len(block)] * bool(names)
    arguments = {
        each[1]: markdown(" ".join(block[each.end() : end].split())) for each, end in zip(names, ends, strict=True)
    }
    return ClassDoc(markdown(summary), sections, arguments)


def markdown(text: str) -> str:
    """A docstring's prose as Markdown: what means something there, and nothing here, stands for itself."""
    parts = re.split(r"(`[^`]*`)", text.strip())
    return "".join(part if i % 2 else re.sub(r"([$<*\[\]])", r"\\\1", part) for i, part in enumerate(parts))


def linked(text: str, names: Iterable[str], own: str) -> str:
    """Markdown in which names in backticks that have a page beside this one are links to it."""
    known = set(names) - {own}
    return re.sub(r"`(\w+)`", lambda found: f"[{found[0]}]({found[1]}.md)" if found[1] in known else found[0], text)


def cell(text: str) -> str:
    """Markdown for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def defaults(cls: type[Any]) -> dict[str, str]:
    """Argument of the constructor -> its default as Python writes it; "required" where it has none."""
    parameters = inspect.signature(cls).parameters.values()
    empty = inspect.Parameter.empty
    return {each.name: "required" if each.default is empty else repr(each.default) for each in parameters}


def arguments_table(cls: type[Any]) -> str:
    """The arguments of a class as a table: name, default, meaning."""
    described, lines = class_doc(cls).arguments, ["| argument | default | meaning |", "|---|---|---|"]
    default_of = defaults(cls)
    for names, meaning in described.items():
        each = names.split(", ")
        shown = ", ".join(f"`{default_of[name]}`" for name in each if name in default_of)
        lines.append(f"| {', '.join(f'`{name}`' for name in each)} | {cell(shown)} | {cell(meaning)} |")
    return "\n".join(lines)
