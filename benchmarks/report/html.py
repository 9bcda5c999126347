"""The report as one HTML file that needs nothing else: no network, no scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from benchmarks.analysis.comparison import Table, best_by_validation, comparison, statistics
from benchmarks.analysis.differences import difference_table, headline
from benchmarks.analysis.load import Collected
from benchmarks.analysis.reach import reach_table
from benchmarks.analysis.verdicts import findings
from benchmarks.measures.measures import RETURN, title
from benchmarks.report.figures import drawn, figure_title, lines_and_levels, views
from benchmarks.report.plots import to_svg


def page(collected: Collected) -> str:
    """The whole document."""
    css = files("benchmarks.report").joinpath("page.css").read_text(encoding="utf-8")
    parts = [
        _header(collected),
        _incomplete(collected),
        _curves(collected),
        _section("Comparison", _table(comparison(collected), levels=len(collected.references))),
        _reach(collected),
        _best(collected),
        _differences(collected),
        _over_seeds(collected),
        _samples(collected),
        _configuration(collected),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(collected.title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _header(collected: Collected) -> str:
    seeds = ", ".join(str(seed) for seed in collected.seeds)
    asked = sum(len(row.records) for row in collected.rows)
    facts = [
        ("environment", f"<code>{escape(collected.manifest.env_id)}</code>"),
        ("agents", escape(", ".join(row.label for row in collected.rows))),
        ("seeds", escape(seeds)),
        ("device", escape(", ".join(collected.manifest.devices))),
        ("finished", f"{len(collected.results)} of {asked} runs"),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    sentences = "".join(
        f'<li class="{ {None: "", True: "met", False: "missed"}[finding.met] }">{escape(finding.sentence)}</li>'
        for finding in findings(collected)
    )
    return (
        f"<header><h1>{escape(collected.manifest.name)}</h1><p>{escape(collected.manifest.description)}</p>"
        f'<dl class="facts">{items}</dl>'
        + (f'<ul class="findings">{sentences}</ul>' if sentences else "")
        + "</header>"
    )


def _incomplete(collected: Collected) -> str:
    items = []
    for row in collected.rows:
        for record in row.without_result:
            error = record.state.error
            line = f"<strong>{escape(record.name)}</strong>: {escape(record.story)}"
            trace = "" if error is None else _details("traceback", error.traceback)
            items.append(f"<li>{line}{trace}</li>")
    items += [f"<li>{escape(warning)}</li>" for warning in collected.warnings]
    if not items:
        return ""
    return _section("Missing, failed or broken", f"<ul>{''.join(items)}</ul>", kind="incomplete")


def _curves(collected: Collected) -> str:
    lines, _ = lines_and_levels(collected)
    if not lines:
        return _section("Learning curves", "<p>No run that learns is finished yet.</p>")
    figures = ""
    for view in views(collected):
        name = figure_title(collected, view)
        svg = to_svg(drawn(collected, view), view, name)
        figures += f"<figure>{svg}<figcaption>{_word(name)}</figcaption></figure>"
    caption = "Lines: mean over seeds; bands: lowest to highest. Evaluation is left out of the seconds."
    if any(line.curve.pretrained is not None for line in lines):
        caption += " Dotted vertical lines: where pre-training ends."
    if "after" in views(collected):
        caption += " What falls below the oracle's entropy after it leaves the picture at its lower edge."
    readers = [line.label for line in lines if not line.curve.generated]
    if readers:
        says = "generates no tokens: its curve is" if len(readers) == 1 else "generate no tokens: their curves are"
        caption += f" {', '.join(readers)} {says} over the tokens of training data read."
    return _section("Learning curves", f'<div class="figures">{figures}</div><p class="note">{escape(caption)}</p>')


def _reach(collected: Collected) -> str:
    table = reach_table(collected)
    return "" if table is None else _section("How soon", _table(table))


def _best(collected: Collected) -> str:
    table = best_by_validation(collected)
    return "" if table is None else _section("Best by validation", _table(table))


def _differences(collected: Collected) -> str:
    first = headline(collected)
    blocks = []
    for measure in dict.fromkeys((first, *collected.measures, RETURN)):
        table = difference_table(collected, measure)
        if table is not None:
            blocks.append(_folded(title(measure), _table(table), unfolded=measure == first))
    return _section(f"Differences from {collected.manifest.compared_with}", *blocks) if blocks else ""


def _over_seeds(collected: Collected) -> str:
    tables = [(measure, statistics(collected, measure)) for measure in (RETURN, *collected.measures)]
    blocks = [_folded(title(measure), _table(table), unfolded=measure == RETURN) for measure, table in tables]
    return _section("Over seeds", *blocks)


def _samples(collected: Collected) -> str:
    blocks = []
    for row in collected.rows:
        record = next((record for record in row.records if record.state.result is not None), None)
        if record is None or record.state.result is None:
            continue
        texts = "".join(f"<li>{escape(text) or '<em>(empty)</em>'}</li>" for text in record.state.result.samples)
        blocks.append(
            f'<div><h3>{escape(row.label)} <small>seed {record.seed}</small></h3><ol class="texts">{texts}</ol></div>'
        )
    return _section("Sample texts", f'<div class="samples">{"".join(blocks)}</div>') if blocks else ""


def _configuration(collected: Collected) -> str:
    blocks = []
    for row in collected.rows:
        if row.config is not None:
            settings = {key: value for key, value in row.config.items() if key != "seed"}
            blocks.append(_details(row.label, json.dumps(settings, indent=2, ensure_ascii=False)))
    versions = {json.dumps(result.versions, indent=2): None for result in collected.results}
    blocks += [_details("made with", text) for text in versions]
    return _section("Configuration", "".join(blocks)) if blocks else ""


def _details(summary: str, text: str) -> str:
    return _folded(summary, f"<pre>{escape(text)}</pre>")


def _folded(summary: str, content: str, unfolded: bool = False) -> str:
    return f"<details{' open' * unfolded}><summary>{_word(summary)}</summary>{content}</details>"


def _table(table: Table, levels: int = 0) -> str:
    head = "".join(f'<th scope="col">{_word(column)}</th>' for column in table.columns)
    body = []
    for position, row in enumerate(table.rows):
        cells = "".join(
            f'<td data-label="{escape(column)}">{_word(cell)}</td>'
            for column, cell in zip(table.columns[1:], row[1:], strict=True)
        )
        kind = ' class="level"' if position >= len(table.rows) - levels else ""
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


def _section(heading: str, *parts: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<section{attribute}><h2>{escape(heading)}</h2>{_joined(parts)}</section>"


def _joined(parts: Iterable[str]) -> str:
    return "".join(parts)
