"""Map of the packages: who imports whom, counted in the code."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from html import escape

from pictures.canvas import ROOT, Palette

ALTERNATIVE = (
    "Map of the code in five layers. At the top benchmarks, then agents, then the views (environment, vector "
    "environment, Stable-Baselines3, solver), then the core with tasks and rewards, then metrics, models, vocabulary "
    "and kernels. Every arrow points down; each has the number of imports."
)
# Box -> column, layer, width in columns; the folders and modules that it stands for.
BOXES: dict[str, tuple[float, int, float, tuple[str, ...]]] = {
    "benchmarks": (0, 0, 4, ("benchmarks",)),
    "agents": (0, 1, 4, ("agents",)),
    "public names; env, vector, sb3": (
        0, 2, 2.5, ("env", "row", "vector", "columns", "sb3", "game", "rendering", "infos"),
    ),
    "solve": (2.7, 2, 1.3, ("solve",)),
    "core": (
        0, 3, 1.2, ("core", "prefixes", "generators", "one_row", "transition", "snapshot", "reward_modes", "masks"),
    ),
    "specs": (1.4, 3, 1.2, ("specs", "environments", "descriptions", "fingerprint")),
    "tasks, rewards": (2.8, 3, 1.2, ("tasks", "rewards", "text_checks")),
    "metrics": (0, 4, 1.2, ("metrics",)),
    "models": (1.4, 4, 1.2, ("models",)),
    "corpora, words, kernels": (
        2.8, 4, 1.2, ("corpora", "tokenization", "vocabulary", "kernels", "registries", "checks", "files", "data"),
    ),
}  # fmt: skip
WIDTH, HEIGHT, COLUMN, LAYER, BOX = 720, 494, 178, 108, 46


def _box_of(module: str) -> str | None:
    parts = module.split(".")
    if parts in (["textgen_env"], ["textgen_env", "__init__"]):
        # The root's names are what the views are known by.
        return "public names; env, vector, sb3"
    named = parts[0] if parts[0] != "textgen_env" else (parts[1] if len(parts) > 1 else "")
    return next((box for box, (*_, parts_of) in BOXES.items() if named in parts_of), None)


@cache
def imports() -> Counter[tuple[str, str]]:
    """(importing box, imported box) -> how many import statements."""
    found: Counter[tuple[str, str]] = Counter()
    for package in ("textgen_env", "agents", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            importer = _box_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                for name in names:
                    imported = _box_of(name) if name.split(".")[0] in ("textgen_env", "agents", "benchmarks") else None
                    if importer and imported and importer != imported:
                        found[importer, imported] += 1
    return found


def _place(box: str) -> tuple[float, float, float]:
    """Left, top and width, in pixels."""
    column, layer, width, _ = BOXES[box]
    return 4 + column * COLUMN, 8 + layer * LAYER, width * COLUMN - 8


def _arrows() -> list[tuple[str, str]]:
    """Edges that are drawn: imports between neighbouring layers; what reaches farther down would cross the boxes."""
    return sorted(pair for pair in imports() if BOXES[pair[1]][1] - BOXES[pair[0]][1] == 1)


def _middle(box: str) -> float:
    left, _, width = _place(box)
    return left + width / 2


def _along(box: str, others: list[str], other: str, down: int) -> tuple[float, float]:
    """Where the arrow to or from `other` touches a box: the arrows of a side are spread over it."""
    left, top, width = _place(box)
    return left + width * (others.index(other) + 1) / (len(others) + 1), top + down


def draw(palette: Palette) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="17"><title>{escape(ALTERNATIVE)}</title>'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{palette.text}"/></marker></defs>'
    ]
    arrows = _arrows()
    for importer, imported in arrows:
        (x, y), (to_x, to_y) = (
            _along(importer, sorted({b for a, b in arrows if a == importer}, key=_middle), imported, BOX),
            _along(imported, sorted({a for a, b in arrows if b == imported}, key=_middle), importer, -2),
        )
        parts.append(
            f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{to_x:.0f}" y2="{to_y:.0f}" stroke="{palette.text}" '
            f'stroke-width="1.2" marker-end="url(#tip)" opacity="0.75"/>'
            f'<text x="{x * 0.8 + to_x * 0.2 + 6:.0f}" y="{y * 0.8 + to_y * 0.2 + 6:.0f}" font-size="14" '
            f'fill="{palette.text}">{imports()[importer, imported]}</text>'
        )
    for box in BOXES:
        x, y, width = _place(box)
        parts.append(
            f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{BOX}" rx="6" fill="{palette.surface}" '
            f'stroke="{palette.series[BOXES[box][1]]}" stroke-width="1.6"/>'
            f'<text x="{x + width / 2:.0f}" y="{y + BOX / 2 + 5}" text-anchor="middle" fill="{palette.text}">'
            f"{escape(box)}</text>"
        )
    return "".join([*parts, "</svg>\n"])
