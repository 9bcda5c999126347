"""Pictures of explanations and results, drawn when the site is built: each as SVG for light and for dark pages.

A page shows one by a line of its own, and the two images and their alternative text come from here:

    ```{explanation-picture} tiny_tree
    ```

The module of a picture has `draw(palette)`, its `ALTERNATIVE` text, and, of committed results, their `COMMAND`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from pictures.canvas import PALETTES, Palette, svg

PICTURES = (
    "tiny_tree",
    "estimator_variance",
    "oracle_likelihood",
    "two_divergences",
    "seed_power",
    "exposure_gap",
    "house_map",
    "throughput_bars",
    "exposure_curves",
    "quality_diversity",
    "diagnostics_radars",
)
FOLDER = Path("pictures") / "generated"


def file_name(name: str, palette: Palette) -> str:
    return f"explanation_{name}_{palette.name}.svg"


def drawn(name: str, palette: Palette) -> str:
    """The SVG of a picture: what `draw(palette)` of its module makes, which is a figure or the SVG itself."""
    module = import_module(f"pictures.{name}")
    figure = module.draw(palette)
    return figure if isinstance(figure, str) else svg(figure, module.ALTERNATIVE)


def caption(command: str) -> list[nodes.Node]:
    """Line below a picture of committed results: the command that they are of; nothing for one drawn from code."""
    if not command:
        return []
    words = [nodes.Text("Drawn from the committed results of "), nodes.literal(text=command), nodes.Text(".")]
    return [nodes.paragraph("", "", *words, classes=["picture-source"])]


def write(app: Sphinx) -> None:
    """Draws all pictures into the source folder, and writes those that changed."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        for palette in PALETTES:
            path, text = folder / file_name(name, palette), drawn(name, palette)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")


class ExplanationPicture(Directive):
    """Picture of the explanations, by name: the light and the dark image, of which the theme shows one."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in PICTURES:
            raise self.error(f"explanation-picture: {name!r} is none of {', '.join(PICTURES)}")
        module = import_module(f"pictures.{name}")
        images: list[nodes.Node] = [
            nodes.image(
                uri=f"/{(FOLDER / file_name(name, palette)).as_posix()}",
                alt=module.ALTERNATIVE,
                classes=[f"only-{palette.name}", "explanation-picture"],
            )
            for palette in PALETTES
        ]
        return [*images, *caption(getattr(module, "COMMAND", ""))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.add_directive("explanation-picture", ExplanationPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
