"""The table of speeds: its cases, and the command from its options to its files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import gymnasium
import numpy as np
import pytest
import typer
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.throughput import catalogue, command, run
from benchmarks.throughput.agreement import check_agreement
from benchmarks.throughput.bench import Bench, Missing, Work
from benchmarks.throughput.cases import defaults
from benchmarks.throughput.cases.discriminator import ROLLOUTS, forward_flops, rollouts
from benchmarks.throughput.catalogue import CASES, ON_DEMAND, chosen
from benchmarks.throughput.clock import Clock
from benchmarks.throughput.machine import uncompiled
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from benchmarks.throughput.run import measure
from benchmarks.throughput.sizes import QUICK, Sizes
from benchmarks.throughput.targets import TARGETS
from support.registered import SMALL_TASKS
from textgen_env.data.folders import MissingData
from textgen_env.environments import TABLE
from textgen_env.models.language_model import LanguageModel
from textgen_env.models.text_cnn import TextCNNConfig

TINY = {
    "vocab_size": 30,
    "length": 6,
    "rows": 8,
    "references": 20,
    "texts": 12,
    "batch": 4,
    "wide_rows": 16,
    "longest": 12,
    "largest_vocab": 60,
    "most_texts": 40,
    "million": 50,
}
FAST = Clock(repeats=2, least_seconds=1e-5, most_seconds=1.0)
OPTIONS = [part for name, value in TINY.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def invoked(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["throughput", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


def replaced(monkeypatch: pytest.MonkeyPatch, **functions: Callable[[Bench], Iterator[BenchmarkRow | Curve]]) -> None:
    """Puts these cases in place of all others."""
    monkeypatch.setattr(catalogue, "CASES", dict.fromkeys(functions, ""))
    monkeypatch.setattr(run, "load", functions.__getitem__)


def simple(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    yield bench.row("simple", "doing little", Unit("time", "go"), Work("ours", int), Work("theirs", float))


def interrupted(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    yield bench.row("begun", "doing little", Unit("time", "go"), Work("ours", int))
    raise KeyboardInterrupt


def broken(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    raise RuntimeError("gone [wrong]")
    yield


def test_every_case_but_the_longest_end_to_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "Clock", lambda repeats: Clock(repeats, FAST.least_seconds))
    code, output = invoked("--quick", "--repeats", "1", "--threads", "1", *OPTIONS, "--out", str(tmp_path / "out"))
    assert code == 0, output
    kept = json.loads((tmp_path / "out" / "throughput.json").read_text())
    assert kept["failed"] == {}
    assert kept["sizes"] == TINY
    assert kept["machine"]["torch_threads"] == 1
    assert kept["versions"]["torch"]
    assert len(kept["revision"].partition("+")[0]) == 40
    rows = {row["name"]: row for row in kept["rows"]}
    on_demand = {name for name in TARGETS if name.startswith(("million", "default-"))}
    assert rows.keys() >= TARGETS.keys() - on_demand
    for row in kept["rows"]:
        assert row["name"].replace("-", "")[:8] in output.replace("-", "").replace(" ", "")
        assert len(row["ours"]["repeats"]) == 1
        assert row["ours"]["least"] <= row["ours"]["cost"] <= row["ours"]["most"]
        assert row["ours"]["cost"] > 0
        if row["reference"] is not None:
            assert row["ratio"] == pytest.approx(row["reference"]["cost"] / row["ours"]["cost"])
    floors = {name for name, row in rows.items() if row["share_of_floor"] is not None}
    assert floors >= {"sampling", "likelihood", "likelihood-step", "discriminator-update", "mle-update", "single-env"}
    assert {curve["axis"] for curve in kept["curves"]} == {"rows", "tokens", "V", "texts"}
    assert "a hint" in output
    for name in ("throughput", "growth"):
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        ElementTree.fromstring((tmp_path / "out" / f"{name}.svg").read_text())
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".png", ".svg"}


def test_a_million_references_in_a_process_of_its_own() -> None:
    found = measure(["million"], Sizes(**TINY), FAST)
    assert found.failed == {}
    rows = {row.name: row for row in found.rows}
    assert rows.keys() >= {name for name in TARGETS if name.startswith("million")}
    memory = rows["million-memory"].ours.cost
    assert memory is not None
    assert 2**24 < memory < 2**34


def test_every_id_with_its_own_reward_beside_cartpole(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(id: str, **arguments: Any) -> Any:
        if id == "TextGen-Poems-v0":
            raise MissingData("the poems\nare not here")
        small = {row.id: SMALL_TASKS[row.task] for row in TABLE if not row.needs}
        return gymnasium.make(id, **small.get(id, {}), **arguments)

    ids = [row for row in TABLE if (not row.data and row.task != "transcribe") or row.id == "TextGen-Poems-v0"]
    monkeypatch.setattr(defaults, "TABLE", ids)
    monkeypatch.setattr(defaults, "make", make)
    monkeypatch.setattr(defaults, "LEARNING_STEPS", 60)
    monkeypatch.setattr(defaults, "SINGLE_STEPS", 20)
    monkeypatch.setattr(defaults, "LARGE_PRODUCT", 16)
    found = measure(["defaults"], Sizes(**TINY), FAST)
    assert found.failed == {}
    rows = {row.name: row for row in found.rows}
    names = ["default-" + row.id.removeprefix("TextGen-").lower() for row in ids]
    assert list(rows) == [name + end for name in names for end in ("", "-rows")]
    for name, row in rows.items():
        if "poems" in name:
            assert row.ours.missing == "the poems are not here"
            continue
        assert row.ratio is not None, name
        # Where a model is at work, its products say what could be reached.
        modelled = "gan" in name or ("oracle" in name and "bleu" not in name and name.endswith("-rows"))
        assert (row.share is not None) == modelled, name
    assert {name for name in TARGETS if name.startswith("default-")} <= rows.keys()


def test_the_floor_of_a_models_step_is_its_three_products() -> None:
    model = LanguageModel(7, 3, 5)
    with FlopCounterMode(display=False) as counted:
        defaults.step_products(model, 11)()
    assert counted.get_total_flops() == 2 * 11 * (3 * 20 + 5 * 20 + 5 * 7)


def test_targets_are_of_rows_and_cases_can_be_loaded() -> None:
    assert set(ON_DEMAND) < set(CASES)
    assert all(callable(catalogue.load(name)) for name in CASES)
    assert chosen([]) == [name for name in CASES if name not in ON_DEMAND]
    assert chosen(["wide", "million", "defaults", "bleu"]) == ["bleu", "wide", "defaults", "million"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "nope"), "--only 'nope' must be one of bleu, bleu-build"),
        (("--repeats", "0"), "--repeats 0"),
        (("--repeats", "few"), "--repeats"),
        (("--threads", "0"), "--threads 0"),
        (("--vocab-size", "1"), "--vocab-size 1 must be a whole number >= 2"),
        (("--length", "1"), "--length 1"),
        (("--rows", "0"), "--rows 0"),
        (("--references", "-3"), "--references -3"),
        (("--texts", "1"), "--texts 1"),
        (("--batch", "5"), "--batch 5 must be even"),
        (("--wide-rows", "0"), "--wide-rows 0"),
        (("--million", "0"), "--million 0"),
    ],
)
def test_bad_options_are_refused_by_name_and_nothing_is_written(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    code, output = invoked(*arguments, "--out", str(tmp_path / "out"))
    assert code == 2
    assert said in output
    assert "Traceback" not in output
    assert not (tmp_path / "out").exists()


def test_the_help_shows_the_sizes_that_are_taken() -> None:
    options = {option.name: option for option in typer.main.get_command(app).commands["throughput"].params}
    for field in fields(Sizes):
        assert options[field.name].show_default == str(field.default), field.name


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    code, output = invoked("--only", "wide", "--out", str(tmp_path / "file"))
    assert code == 2
    assert "error: " in output
    assert (tmp_path / "file").read_text() == "kept"


def test_missing_libraries_are_said_and_nothing_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("jiwer", "sacrebleu.metrics", "stable_baselines3"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("TEXTGEN_COMPILED", "0")
    only = [part for name in ("bleu", "bleu-build", "self-bleu", "edit", "sb3") for part in ("--only", name)]
    code, output = invoked("--repeats", "1", *OPTIONS, *only, "--out", str(tmp_path))
    assert code == 0, output
    assert "TEXTGEN_COMPILED=0: the plain NumPy paths are measured" in output
    rows = {row["name"]: row for row in json.loads((tmp_path / "throughput.json").read_text())["rows"]}
    assert rows["word-error-rate"]["reference"] == {"name": "jiwer", "missing": "jiwer not installed"}
    assert rows["bleu-oracle"]["reference"]["missing"] == "sacrebleu not installed"
    assert rows["sb3-captions"]["ours"]["missing"] == "stable-baselines3 not installed"
    assert rows["word-error-rate"]["ratio"] is None
    assert rows["word-error-rate"]["targets"] == [{"quantity": "ratio", "value": 50, "met": None}]
    assert rows["self-bleu"]["targets"][0]["met"] is True
    assert not (tmp_path / "throughput.png").exists(), "there is no ratio to draw"
    assert "jiwer not installed" in output


def test_a_missing_numba_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise ImportError(name)

    assert uncompiled() == ""
    monkeypatch.setattr("benchmarks.throughput.machine.version", missing)
    assert uncompiled().startswith("numba is not installed")


def test_ctrl_c_prints_what_was_measured_so_far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replaced(monkeypatch, simple=simple, stops=interrupted, never=broken)
    (tmp_path / "throughput.json").write_text("of an earlier run")
    code, output = invoked("--out", str(tmp_path))
    assert code == 130
    assert "simple" in output
    assert "begun" in output
    assert "interrupted; nothing is written" in output
    assert "gone" not in output
    assert (tmp_path / "throughput.json").read_text() == "of an earlier run"


def test_a_case_that_fails_costs_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replaced(monkeypatch, fails=broken, simple=simple)
    code, output = invoked("--out", str(tmp_path))
    assert code == 1
    assert "fails failed: RuntimeError: gone [wrong]" in output
    kept = json.loads((tmp_path / "throughput.json").read_text())
    assert [row["name"] for row in kept["rows"]] == ["simple"]
    assert kept["failed"] == {"fails": "RuntimeError: gone [wrong]"}


def test_what_a_work_does_beside_is_taken_off() -> None:
    bench = Bench(Sizes(**TINY), Clock(repeats=3, least_seconds=0.0))
    work = Work("ours", lambda: time.sleep(0.02), units=2, less=lambda: time.sleep(0.01))
    row = bench.row("r", "w", Unit("time", "go"), work, Missing("theirs", "not here"))
    assert row.ours.cost == pytest.approx(0.005, abs=0.003)
    assert row.ratio is None
    assert row.reference is not None
    assert row.reference.missing == "not here"


def test_works_that_disagree_are_not_compared() -> None:
    check_agreement("a", [1.0, 2.0], "b", [1.0, 2.0 + 1e-10], 1e-9)
    with pytest.raises(ArithmeticError, match=r"a differs from b by 0\.5;"):
        check_agreement("a", [1.0, 2.0], "b", [1.0, 4.0], 1e-9)
    with pytest.raises(ArithmeticError):
        check_agreement("a", [float("nan")], "b", [0.0], 1e-9)


def test_rollouts_share_the_beginnings_of_their_texts() -> None:
    texts = np.arange(10).reshape(2, 5)
    rolled = rollouts(texts, 3).reshape(2, 4, ROLLOUTS, 5)
    for text in range(2):
        for written in range(1, 5):
            np.testing.assert_array_equal(rolled[text, written - 1, :, :written] - texts[text, :written], 0)
            assert (rolled[text, written - 1, :, written:] < 3).all()
    assert len(rollouts(np.zeros((64, 20), np.int64), 9)) == 19_456


def test_an_update_of_the_papers_discriminator_takes_81_mflop_a_text() -> None:
    config = TextCNNConfig.seqgan()
    assert 3 * forward_flops(config.filters(20), config.embedding_size, 20) / 1e6 == pytest.approx(81, rel=0.25)


def test_quick_is_smaller_in_everything() -> None:
    full = Sizes()
    for name in TINY:
        if name != "length":
            assert getattr(QUICK, name) < getattr(full, name)
    assert full.with_options({"rows": 5, "length": None}) == Sizes(rows=5)
