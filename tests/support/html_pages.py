"""HTML pages as tests make and read them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from benchmarks.analysis.load import collect
from benchmarks.report.document import document
from benchmarks.report.html import page
from benchmarks.report.plots import learning_curves, to_svg


def page_of(folder: Path) -> str:
    """The page of an experiment's results, with its figures."""
    found = document(collect(folder))
    return page(found, {chart.view: to_svg(learning_curves(chart), chart.view, chart.title) for chart in found.charts})


class Page(HTMLParser):
    """Tags in balance, attributes that load something, and the text."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
