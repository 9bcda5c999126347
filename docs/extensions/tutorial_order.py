"""The order of the tutorials: that of the names in `tutorial_scripts/order.txt`."""

from __future__ import annotations

from pathlib import Path

ORDER = Path(__file__).parents[1] / "tutorial_scripts" / "order.txt"


class TutorialOrder:
    """Sort key of sphinx-gallery: the line of a script's name.

    Raises:
        ValueError: a script that the list does not name.
    """

    def __init__(self, folder: str) -> None:
        self.names = ORDER.read_text(encoding="utf-8").split()

    def __call__(self, filename: str) -> int:
        name = filename.removesuffix(".py")
        if name not in self.names:
            raise ValueError(f"{filename!r} is not named in {ORDER.name}; add its line where it belongs")
        return self.names.index(name)
