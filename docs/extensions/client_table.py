"""Table of the pages on other libraries: a row for each library, the games side by side, from what was measured.

```{client-table}
```
"""

from __future__ import annotations

import csv

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from kept_tables import lined
from pictures.canvas import ROOT
from pictures.client_curves import GAMES, NAMES

MEASURED = ROOT / "docs" / "clients" / "measured.csv"
SEED, NEVER, NOT_MEASURED = "0", "not reached", "–"


def measured() -> dict[tuple[str, str], dict[str, str]]:
    """(script, game) -> its line, with the first seed."""
    with MEASURED.open(encoding="utf-8", newline="") as file:
        return {(row["script"], row["environment"]): row for row in csv.DictReader(file) if row["seed"] == SEED}


def client_table() -> str:
    """Mean return at the end of each game and, in brackets, tokens to half of the way; and thousands of tokens a
    second."""
    found = measured()
    games = [game.split(",")[0] for game in GAMES.values()]
    titles = ["library", *games, "k tokens a second"]
    rows = []
    for script, name in NAMES.items():
        lines = [found.get((script, game)) for game in GAMES]
        if not any(lines):
            continue
        cells = [NOT_MEASURED if line is None else f"{line['last']} ({_to_half(line)})" for line in lines]
        speeds = [float(line["tokens a processor second"]) / 1000 for line in lines if line is not None]
        ends = dict.fromkeys(f"{speed:.1f}" for speed in (min(speeds), max(speeds)))
        rows.append([name, *cells, " to ".join(ends)])
    return lined(titles, rows)


def _to_half(line: dict[str, str]) -> str:
    half = line["tokens to half"]
    return "never" if half == NEVER else f"{int(half) / 1000:.0f}k"


class ClientTable(Directive):
    """The table."""

    def run(self) -> list[nodes.Node]:
        self.state.document.settings.env.note_dependency(str(MEASURED))
        node = nodes.container()
        self.state.nested_parse(StringList(client_table().splitlines(), str(MEASURED)), self.content_offset, node)
        return list(node.children)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("client-table", ClientTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
