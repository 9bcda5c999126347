"""The tutorials' scripts: the site's build runs each of them; what it does not look at is tested here."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "docs" / "tutorial_scripts"
NAMES = (SCRIPTS / "order.txt").read_text(encoding="utf-8").split()
MOST_LINES = 300


def source(name: str) -> str:
    return (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")


def test_every_script_is_in_the_order_once() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_begins_with_a_title_and_prose(name: str) -> None:
    words = ast.get_docstring(ast.parse(source(name)))
    assert words is not None
    title, line, *prose = words.splitlines()
    assert line == "=" * len(title)
    assert "?" in " ".join(prose), "a tutorial says which question it answers"


@pytest.mark.parametrize("name", NAMES)
def test_it_imports_what_is_installed(name: str) -> None:
    for node in ast.walk(ast.parse(source(name))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [str(node.module)]
        for module in modules:
            assert find_spec(module) is not None, f"{name} imports {module}"


@pytest.mark.parametrize("name", NAMES)
def test_its_code_blocks_compile(name: str) -> None:
    comments = "\n".join(line.removeprefix("#") for line in source(name).splitlines() if line.startswith("#"))
    for block in re.findall(r"^ \.\. code-block:: python\n\n((?:     .*\n|\n)+)", comments + "\n", re.MULTILINE):
        compile(re.sub(r"^     ", "", block, flags=re.MULTILINE), name, "exec", dont_inherit=True)


@pytest.mark.parametrize("name", NAMES)
def test_it_names_where_to_go_next(name: str) -> None:
    end = source(name).rpartition("Where to go next")[2]
    places = re.findall(r":doc:`(\w+)`", end)
    assert len(places) >= 2
    assert set(places) <= set(NAMES) - {name}


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read_in_one_go(name: str) -> None:
    assert len(source(name).splitlines()) <= MOST_LINES


def test_the_first_runs_from_any_folder_without_warnings(tmp_path: Path) -> None:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join(paths)}
    # What a figure without a screen says: the site's build shows it instead.
    options = ["-W", "error", "-W", "ignore:FigureCanvasAgg is non-interactive:UserWarning"]
    script = str(SCRIPTS / f"{NAMES[0]}.py")
    run = subprocess.run(
        [sys.executable, *options, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    before, after = (float(line.rpartition(" ")[2]) for line in run.stdout.splitlines()[:2])
    assert before < 0.2 < 0.5 < after
    assert not list(tmp_path.iterdir())
