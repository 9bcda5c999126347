"""Signatures of several lines as lines: Sphinx writes them as lists of definitions that have no terms."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

LIST = re.compile(r"<dl>\n((?:<dd>(?:(?!</?d[dlt]\b).)*</dd>\n)+)</dl>", re.DOTALL)


def as_lines(html: str) -> str:
    """A page's HTML, each parameter a line in a `span`: a `dt` holds no lists, and a `dl` no `dd` without a `dt`."""
    return LIST.sub(lambda found: _lines(found[1]), html)


def _lines(parameters: str) -> str:
    lines = parameters.replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return f'<span class="sig-lines">\n{lines}</span>'


def process(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = as_lines(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
