"""Pages that the build writes: only what changed is written, and what is no longer made is removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Makes a folder hold these pages and no others.

    Args:
        folder: of generated pages alone; made if it is missing.
        pages: file name -> text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        path = folder / name
        text = text.rstrip("\n") + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        if path.suffix in (".md", ".rst") and path.name not in pages:
            path.unlink()
