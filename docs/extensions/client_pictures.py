"""Pictures of the pages on other libraries, drawn when the site is built: learning curves, light and dark.

    ```{client-curves} cleanrl_ppo cleanrl_dqn
    ```

shows those of the scripts in colours and the others in grey; `{client-curves}` with none shows all.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from explanation_pictures import FOLDER
from pictures import client_curves
from pictures.canvas import PALETTES, Palette, svg
from pictures.client_curves import CURVES, NAMES, alternative, curves, draw


def file_name(scripts: list[str], palette: Palette) -> str:
    return f"client_{'_'.join(scripts) or 'all'}_{palette.name}.svg"


class ClientCurves(Directive):
    """The light and the dark image of the curves of scripts, of which the theme shows one."""

    optional_arguments = len(NAMES)

    def run(self) -> list[nodes.Node]:
        scripts = self.arguments
        with_curves = sorted({script for script, _, _ in curves()})
        for script in scripts:
            if script not in with_curves:
                raise self.error(f"client-curves: {script!r} is none of {', '.join(with_curves)}")
        env = self.state.document.settings.env
        # A page is read again when a curve of it, or how they are drawn, has changed.
        for source in (*CURVES.glob("*.csv"), Path(client_curves.__file__)):
            env.note_dependency(str(source))
        folder = Path(env.srcdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        images: list[nodes.Node] = []
        for palette in PALETTES:
            path, words = folder / file_name(scripts, palette), alternative(scripts)
            path.write_text(svg(draw(palette, scripts), words), encoding="utf-8")
            uri = f"/{(FOLDER / path.name).as_posix()}"
            images.append(nodes.image(uri=uri, alt=words, classes=[f"only-{palette.name}", "explanation-picture"]))
        return images


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("client-curves", ClientCurves)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
