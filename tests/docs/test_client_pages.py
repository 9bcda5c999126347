"""Pages on other libraries: each script has a test and a page, and the table is what the curves say."""

from __future__ import annotations

import ast
import csv
import importlib.util
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import client_table
from pictures import client_curves
from pictures.canvas import DARK, LIGHT, svg

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "docs" / "clients"
PAGES = sorted(path for path in CLIENTS.glob("*.md") if path.stem != "index")


@pytest.fixture(scope="module")
def measure() -> Any:
    spec = importlib.util.spec_from_file_location("measure_clients", CLIENTS / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_each_library_has_its_page_its_requirements_and_its_test(page: Path) -> None:
    assert (ROOT / "tests" / "clients" / "requirements" / f"{page.stem}.txt").is_file()
    tests = (ROOT / "tests" / "clients" / f"test_{page.stem}.py").read_text(encoding="utf-8")
    shown = [line.split()[-1] for line in page.read_text(encoding="utf-8").splitlines() if "literalinclude" in line]
    assert shown
    for script in shown:
        assert (CLIENTS / script).is_file()
        assert f'"{Path(script).stem}"' in tests or script == "scripts/own_ppo.py"
    assert f"({page.stem}.md)" in (CLIENTS / "index.md").read_text(encoding="utf-8")


def test_scripts_are_alike() -> None:
    for path in (CLIENTS / "scripts").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        train = next(each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "train")
        assert [each.arg for each in train.args.args][:3] == ["id", "tokens", "seed"], path


def test_the_table_is_what_the_curves_say(measure: Any) -> None:
    with (CLIENTS / "measured.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 4
    for row in rows:
        path = CLIENTS / "curves" / f"{row['script']}-{row['environment']}-{row['seed']}.csv"
        with path.open(newline="") as file:
            curve = [(int(at), float(mean)) for at, mean in list(csv.reader(file))[1:]]
        assert float(row["first"]) == pytest.approx(curve[0][1], abs=0.051)
        assert float(row["last"]) == pytest.approx(curve[-1][1], abs=0.051)
        assert row["tokens to half"] == str(measure.tokens_to_half(curve, row["environment"]) or "not reached")


def test_the_pages_table_is_what_was_measured() -> None:
    lines = client_table.client_table().splitlines()
    kept = client_table.measured()
    named = {script: name for script, name in client_curves.NAMES.items() if any(key[0] == script for key in kept)}
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == list(named.values())
    cells = {line.split(" | ")[0].strip("| "): line for line in lines[2:]}
    for (script, game), row in kept.items():
        assert f" {row['last']} " in cells[named[script]], (script, game)
    assert "```{client-table}\n" in (CLIENTS / "index.md").read_text(encoding="utf-8")


def test_every_curve_is_on_the_page_of_its_library() -> None:
    on_pages = {
        script
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("```{client-curves} ")
        for script in line.split()[1:]
    }
    assert on_pages == set(client_curves.NAMES) == {script for script, _, _ in client_curves.curves()}
    assert "```{client-curves}\n" in (CLIENTS / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("scripts", [[], ["cleanrl_ppo", "cleanrl_dqn"], ["torchrl_ppo"]], ids="+".join)
def test_pictures_are_drawn_alike_each_time_for_both_pages(scripts: list[str]) -> None:
    words = client_curves.alternative(scripts)
    light, again, dark = (svg(client_curves.draw(palette, scripts), words) for palette in (LIGHT, LIGHT, DARK))
    assert light == again != dark
    assert ElementTree.fromstring(light).tag.endswith("svg")
    assert all(client_curves.NAMES[script] in words for script in scripts)
    assert "Captions" in words
    assert ("others" in words or "other libraries" in words) == bool(scripts)


def test_a_picture_shows_every_measured_point() -> None:
    (script, game, seed), curve = next(iter(client_curves.curves().items()))
    figure = client_curves.draw(LIGHT, [script])
    (panel,) = [axes for axes in figure.axes if axes.get_title() == client_curves.GAMES[game]]
    drawn = [list(zip(*line.get_data(), strict=True)) for line in panel.lines]
    assert seed == 0
    assert [(pytest.approx(at / 1000), pytest.approx(mean)) for at, mean in curve] in drawn


def test_a_meter_counts_what_is_written(measure: Any) -> None:
    import gymnasium
    import numpy as np

    with measure.Meter().measured() as meter:
        envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2)
        env = gymnasium.make("TextGen-Tiny-v0")
        envs.reset(seed=0)
        envs.step(np.array([0, 1]))
        envs.step(np.array([2, 0]))  # the first row begins anew
        env.reset(seed=0)
        env.step(1)
        env.step(0)
    assert meter.written == 2 + 1 + 2
    assert meter.tokens == [2, 3, 5]
    expected = env.unwrapped.score([[0, 4, 4, 4, 4], [1, 0, 4, 4, 4], [1, 0, 4, 4, 4]])
    np.testing.assert_allclose(meter.returns, expected)
    before = meter.written
    env.reset(seed=0)
    env.step(1)
    assert meter.written == before
