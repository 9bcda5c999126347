"""Manifest of an experiment: derived from its fields, and read in the form of each committed result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks.catalogue import experiment_names, load_sizes
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from benchmarks.store.manifest import IN_RUNS, MANIFEST, Manifest, read_manifest
from benchmarks.store.run_folder import read_json, read_sealed, write_json

ROOT = Path(__file__).resolve().parents[3]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob(f"*/{MANIFEST}"))
EXPERIMENT = Experiment(
    name="kept",
    description="d",
    env_id="TextGen-Tiny-v0",
    algorithms=(Algorithm("A", "uniform"), Algorithm("B", "mle", 100)),
    seeds=(0, 1),
    baseline="A",
    goal="optimum",
    compared_with="B",
    unit="points",
    curve="nll_oracle",
    expected_shares={"B": 0.5},
    threshold=0.9,
    at_most={"kl_soft": {"B": 0.02}},
    metric="greedy_return",
    learners=("B",),
    costs=("entropy",),
)


def kept(experiment: Experiment) -> dict[str, object]:
    """What a manifest keeps of an experiment itself."""
    return {each.name: getattr(experiment, each.name) for each in fields(Experiment) if each.name not in IN_RUNS}


def test_every_field_that_the_runs_do_not_hold_is_kept(tmp_path: Path) -> None:
    plain = Experiment("other", "", "", ())
    different = [name for name, value in kept(EXPERIMENT).items() if value != getattr(plain, name)]
    assert different == list(kept(EXPERIMENT)), "this test says nothing of the other fields"
    assert {each.name for each in fields(Experiment)} >= IN_RUNS
    Manifest.of(EXPERIMENT, runs_of(EXPERIMENT)).write(tmp_path)
    read = read_manifest(tmp_path)
    assert kept(read.experiment) == kept(EXPERIMENT)
    assert read.labels == ("A", "B")
    assert list(read.runs) == [("A", 0), ("B", 0), ("A", 1), ("B", 1)]
    assert read.devices == ["cpu"]


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    for experiment in load_sizes(name).values():
        Manifest.of(experiment, runs_of(experiment)).write(tmp_path)
        read = read_manifest(tmp_path)
        assert kept(read.experiment) == kept(experiment)
        read.write(tmp_path / "again")
        assert (tmp_path / "again" / MANIFEST).read_bytes() == (tmp_path / MANIFEST).read_bytes()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_committed_results_are_read(path: Path) -> None:
    content, read = read_json(path), read_manifest(path.parent)
    assert (read.experiment.name, list(read.labels)) == (path.parent.name, content["labels"])
    assert read.experiment.goal == content["goal"]
    assert read.experiment.expected_shares == content["expected_shares"]
    assert read.experiment.threshold == content.get("reach", 0.0)
    assert len(read.runs) == len(content["runs"])
    assert {label for label, _ in read.runs} <= set(read.labels)
    for config in read.runs.values():
        assert "row" not in config
        assert ":" not in config["algorithm"]["agent"] or config["algorithm"]["kind"] == "sb3"


def test_earlier_runs_stay(tmp_path: Path) -> None:
    earlier = replace(EXPERIMENT, algorithms=(*EXPERIMENT.algorithms, Algorithm("C", "uniform")), unit="before")
    before = Manifest.of(earlier, runs_of(earlier, (0,)))
    both = Manifest.of(EXPERIMENT, runs_of(EXPERIMENT, (1,))).with_earlier(before)
    assert both.labels == ("A", "B", "C")
    assert sorted(both.runs) == [("A", 0), ("A", 1), ("B", 0), ("B", 1), ("C", 0)]
    assert both.experiment.unit == "points"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": None}, "name=None must be str"),
        ({"description": 3}, "description=3 must be str"),
        ({"expected_shares": {"B": "half"}}, "expected_shares.B='half' must be a finite number"),
        ({"at_most": {"kl_soft": 1.0}}, "at_most.kl_soft=1.0 must be"),
        ({"threshold": True}, "threshold=True must be a finite number"),
        ({"curve": "loss"}, "curve='loss' must be"),
        ({"labels": "A"}, "labels='A' must be"),
        ({"labels": ["A"]}, "'B' is no algorithm"),
        ({"runs": [{"seed": 0}]}, "'algorithm' is missing"),
        ({"runs": 3}, "not the form of a manifest"),
    ],
)
def test_another_form_is_refused(tmp_path: Path, changes: Mapping[str, object], said: str) -> None:
    Manifest.of(EXPERIMENT, runs_of(EXPERIMENT)).write(tmp_path)
    write_json(tmp_path / MANIFEST, read_sealed(tmp_path / MANIFEST) | changes)
    with pytest.raises(ValueError, match=said):
        read_manifest(tmp_path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    Manifest.of(EXPERIMENT, runs_of(EXPERIMENT)).write(tmp_path)
    for name in ("description", "labels", "runs"):
        content = read_sealed(tmp_path / MANIFEST)
        del content[name]
        write_json(tmp_path / "broken" / MANIFEST, content)
        with pytest.raises(ValueError, match=f"'{name}' is missing"):
            read_manifest(tmp_path / "broken")
