"""Page of a report: one HTML file that needs nothing else, neither network nor scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files

from benchmarks.report.curves import View
from benchmarks.report.document import Document
from benchmarks.report.piano_roll import roll_svg
from benchmarks.report.table import Table

PAGE = "report.html"
MARKED = ("copied", "repeated")
LEGEND = (
    '<span class="copied">Copied</span>: five words in a row, or more, that stand so in a training text, or the whole '
    'of one. <span class="repeated">Repeated</span>: it ends two words in a row that the text has already. The rest is '
    "new."
)


def page(document: Document, drawings: Mapping[View, str]) -> str:
    """The whole document.

    Args:
        document: what it says.
        drawings: view of a chart -> its figure as `<svg>`.
    """
    parts = [
        _header(document),
        _incomplete(document),
        _curves(document, drawings),
        section("Comparison", table_html(document.comparison)),
        *(section(each.title, table_html(each)) for each in (document.threshold, document.best) if each is not None),
        _differences(document),
        _over_seeds(document),
        _samples(document),
        _configuration(document),
    ]
    return whole_page(document.title, parts)


def whole_page(title: str, parts: Iterable[str]) -> str:
    """A page that needs nothing else, of parts in HTML; empty ones are left out."""
    css = files("benchmarks.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def listed(lines: Iterable[str]) -> str:
    """Lines of words as a list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _header(document: Document) -> str:
    shown = {
        name: f"<code>{escape(value)}</code>" if name == "environment" else escape(value)
        for name, value in document.facts.items()
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown.items())
    sentences = "".join(
        f'<li class="{ {None: "", True: "met", False: "missed"}[verdict.met] }">{escape(verdict.sentence)}</li>'
        for verdict in document.verdicts
    )
    return (
        f"<header><h1>{escape(document.name)}</h1><p>{escape(document.description)}</p>"
        f'<dl class="facts">{items}</dl>'
        + (f'<ul class="verdicts">{sentences}</ul>' if sentences else "")
        + "</header>"
    )


def _incomplete(document: Document) -> str:
    items = []
    for run in document.missing:
        line = f"<strong>{escape(run.name)}</strong>: {escape(run.story)}"
        items.append(f"<li>{line}{_details('traceback', run.traceback) if run.traceback else ''}</li>")
    items += [f"<li>{escape(warning)}</li>" for warning in document.warnings]
    if not items:
        return ""
    return section("Missing, failed or broken", f"<ul>{''.join(items)}</ul>", kind="incomplete")


def _curves(document: Document, drawings: Mapping[View, str]) -> str:
    if not document.charts:
        return section("Learning curves", "<p>No run that learns is finished yet.</p>")
    figures = "".join(
        f"<figure>{drawings[chart.view]}<figcaption>{_word(chart.title)}</figcaption></figure>"
        for chart in document.charts
    )
    note = f'<p class="note">{escape(document.caption)}</p>'
    return section("Learning curves", f'<div class="figures">{figures}</div>{note}')


def _differences(document: Document) -> str:
    if not document.differences:
        return ""
    first, *others = document.differences
    blocks = [_folded(first.title, table_html(first), unfolded=True)]
    blocks += [_folded(table.title, table_html(table)) for table in others]
    return section(f"Differences from {document.compared_with}", *blocks)


def _over_seeds(document: Document) -> str:
    """The return, which comes last among the tables, first."""
    *others, first = document.spreads
    blocks = [_folded(first.title, table_html(first), unfolded=True)]
    return section("Over seeds", *blocks, *(_folded(table.title, table_html(table)) for table in others))


def _samples(document: Document) -> str:
    blocks = []
    for sample in document.samples:
        shown = [_marked(spans) for spans in sample.spans] or [escape(text) for text in sample.texts]
        texts = "".join(
            f"<li>{roll_svg(text)}{words or '<em>(empty)</em>'}</li>"
            for text, words in zip(sample.texts, shown, strict=True)
        )
        heading = f"{escape(sample.label)} <small>seed {sample.seed}</small>"
        blocks.append(f'<div><h3>{heading}</h3><ol class="texts">{texts}</ol></div>')
    if not blocks:
        return ""
    note = f'<p class="note">{LEGEND}</p>' if any(sample.spans for sample in document.samples) else ""
    return section("Sample texts", f'<div class="samples">{"".join(blocks)}</div>{note}')


def _marked(spans: Iterable[tuple[str, str]]) -> str:
    """A text with its pieces marked; blanks at their ends are not."""
    parts = []
    for text, origin in spans:
        bare = text.lstrip()
        mark = f'<span class="{origin}">{escape(bare)}</span>' if origin in MARKED else escape(bare)
        parts.append(text[: len(text) - len(bare)] + mark)
    return "".join(parts)


def _configuration(document: Document) -> str:
    blocks = [
        _details(label, json.dumps(settings, indent=2, ensure_ascii=False))
        for label, settings in document.settings.items()
    ]
    blocks += [_details("made with", json.dumps(versions, indent=2)) for versions in document.versions]
    return section("Configuration", "".join(blocks)) if blocks else ""


def _details(summary: str, text: str) -> str:
    return _folded(summary, f"<pre>{escape(text)}</pre>")


def _folded(summary: str, content: str, unfolded: bool = False) -> str:
    return f"<details{' open' * unfolded}><summary>{_word(summary)}</summary>{content}</details>"


def table_html(table: Table) -> str:
    """A table with its notes."""
    head = "".join(f'<th scope="col">{_word(title)}</th>' for title in table.heads)
    algorithms = len(table.rows) - table.references
    body = []
    for position, row in enumerate(table.texts):
        cells = "".join(
            f'<td data-label="{escape(title)}">{_word(cell)}</td>'
            for title, cell in zip(table.heads[1:], row[1:], strict=True)
        )
        kind = "" if position < algorithms else ' class="reference"'
        body.append(f'<tr{kind}><th scope="row">{escape(row[0])}</th>{cells}</tr>')
    notes = "".join(f'<p class="note">{_word(note)}</p>' for note in table.notes)
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>{notes}'
    )


def _word(text: str) -> str:
    escaped = escape(text)
    for name in ("oracle", "test"):
        escaped = escaped.replace(f"NLL_{name}", f"NLL<sub>{name}</sub>")
    return escaped


def section(heading: str, *parts: str, kind: str = "") -> str:
    """A section of a page, of parts in HTML."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<section{attribute}><h2>{escape(heading)}</h2>{_joined(parts)}</section>"


def _joined(parts: Iterable[str]) -> str:
    return "".join(parts)
