"""Report of an experiment: its document, made once, and written to the terminal, a page, tables and figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.analysis.load import collect
from benchmarks.report.document import document
from benchmarks.report.files import files
from benchmarks.report.html import PAGE, page
from benchmarks.report.plots import FORMATS, learning_curves, save_figure, to_svg
from benchmarks.report.terminal import show
from benchmarks.store.run_folder import write_text, write_whole
from textgen_env.registries import names_alone


def report(folder: Path, console: Console) -> Path:
    """Prints the comparison and writes the page, the tables and the figures beside the results, from whatever there is;
    returns the page's absolute path. Nothing that the results name is imported."""
    with names_alone(folder):
        collected = collect(folder)
        found = document(collected)
    figures = {chart.view: learning_curves(chart) for chart in found.charts}
    drawings = {chart.view: to_svg(figures[chart.view], chart.view, chart.title) for chart in found.charts}
    texts = {PAGE: page(found, drawings), **files(found)}
    show(found, console)
    for name, text in texts.items():
        write_text(collected.folder / name, text)
    for view, figure in figures.items():
        for kind in FORMATS:
            write_whole(collected.folder / f"curve_{view}.{kind}", partial(save_figure, figure, kind))
    path = collected.folder / PAGE
    console.print(f"page: {path}", soft_wrap=True, highlight=False, markup=False)
    return path
