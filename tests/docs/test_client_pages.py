"""Pages on other libraries: each script has a test and a page, and the table is what the curves say."""

from __future__ import annotations

import ast
import csv
import importlib.util
from pathlib import Path
from typing import Any

import pytest

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
