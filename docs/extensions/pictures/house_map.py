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
    "views: env, vector, sb3": (0, 2, 2.5, ("env", "row", "vector", "columns", "sb3", "game", "rendering", "infos")),
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
WIDTH, HEIGHT, COLUMN, LAYER, BOX = 720, 440, 178, 92, 40


def _box_of(module: str) -> str | None:
    parts = module.split(".")
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


def draw(palette: Palette) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="14"><title>{escape(ALTERNATIVE)}</title>'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{palette.text}"/></marker></defs>'
    ]
    for (importer, imported), count in sorted(imports().items()):
        (x, y, width), (to_x, to_y, to_width) = _place(importer), _place(imported)
        # Between neighbouring layers alone: what reaches farther down would cross the boxes.
        if BOXES[imported][1] - BOXES[importer][1] != 1:
            continue
        middle = min(max(to_x + to_width / 2, x + 20), x + width - 20)
        shift = 14 * (1 if to_x > x else -1) if width < 300 else 0
        begin, end = (middle - shift, y + BOX), (to_x + to_width / 2 - shift, to_y - 2)
        parts.append(
            f'<line x1="{begin[0]:.0f}" y1="{begin[1]:.0f}" x2="{end[0]:.0f}" y2="{end[1]:.0f}" '
            f'stroke="{palette.text}" stroke-width="1.2" marker-end="url(#tip)" opacity="0.75"/>'
            f'<text x="{begin[0] * 0.55 + end[0] * 0.45 + 5:.0f}" y="{begin[1] * 0.55 + end[1] * 0.45 + 4:.0f}" '
            f'font-size="11" fill="{palette.text}">{count}</text>'
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
