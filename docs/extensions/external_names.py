"""Links to other projects' documentation, without asking them for their inventories while the site is built.

`names.toml` beside this file lists the names that our pages mention, with where each is described; they are written
as inventories, which intersphinx reads as if they had been fetched. `sphinx-build -t online` fetches the real ones.
"""

from __future__ import annotations

import tomllib
import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

NAMES = Path(__file__).with_name("names.toml")


def inventory(project: str, entries: dict[str, list[str]]) -> bytes:
    """A version 2 inventory: entries are "py:class name" -> [address], relative to the project's own."""
    lines = []
    for entry, (address,) in entries.items():
        kind, name = entry.split()
        lines.append(f"{name} {kind} 1 {address} -\n")
    header = (
        f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n# The remainder is compressed using zlib.\n"
    )
    return header.encode() + zlib.compress("".join(lines).encode())


def configure(app: Sphinx, config: Config) -> None:
    projects: dict[str, dict[str, Any]] = tomllib.loads(NAMES.read_text(encoding="utf-8"))
    folder = Path(app.doctreedir).parent / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for project, described in projects.items():
        path = folder / f"{project}.inv"
        path.write_bytes(inventory(project, described["names"]))
        mapping[project] = (described["address"], None if app.tags.has("online") else str(path))
    config.intersphinx_mapping = mapping


def setup(app: Sphinx) -> dict[str, bool]:
    # Before intersphinx checks its own setting (800).
    app.connect("config-inited", configure, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
