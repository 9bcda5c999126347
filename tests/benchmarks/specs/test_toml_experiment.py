"""Experiments from TOML files: the Python form's data, and each mistake named with its line."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.specs.schema import annotated_toml, json_schema
from benchmarks.specs.toml_experiment import experiment_from
from benchmarks.specs.toml_lines import line_of

FILE = """\
# A question of mine.
name = "mine"
env_id = "TextGen-Tiny-v0"
seeds = [
  0,
  1,
]
compared_with = "PPO"

[env_kwargs]
train_size = 20
test_size = 20
reward = {name = "length", target = 3}

[evaluation]
points = 1
episodes = 8
final_episodes = 8
measures = ["bleu_2", "nll_test"]

[[algorithms]]
label = "PPO"
agent = "ppo"
total_tokens = 100
num_envs = 4
hyperparameters = {batch_size = 16, hidden_size = 8}

[[algorithms]]
label = "A2C"
agent = "sb3/A2C"
total_tokens = 64
num_envs = 4

[algorithms.hyperparameters]
gamma = 1.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_the_file_is_the_python_form(file: Path) -> None:
    assert experiment_from(file) == Experiment(
        name="mine",
        description="",
        env_id="TextGen-Tiny-v0",
        env_kwargs={"train_size": 20, "test_size": 20, "reward": {"name": "length", "target": 3}},
        algorithms=(
            Algorithm("PPO", "ppo", 100, num_envs=4, hyperparameters={"batch_size": 16, "hidden_size": 8}),
            Algorithm(
                "A2C",
                "stable_baselines3:A2C",
                64,
                "sb3",
                num_envs=4,
                # As `train` has it: one whole text a row.
                hyperparameters={"n_steps": 5, "gamma": 1.0},
            ),
        ),
        seeds=(0, 1),
        evaluation=Evaluation(points=1, episodes=8, final_episodes=8, measures=("bleu_2", "nll_test")),
        compared_with="PPO",
    )


def test_import_paths_set_nothing_by_themselves(file: Path) -> None:
    file.write_text(FILE.replace("sb3/A2C", "stable_baselines3:A2C"))
    assert experiment_from(file).algorithms[1].hyperparameters == {"gamma": 1.0}


def test_it_is_run(file: Path, tmp_path: Path) -> None:
    command = ["run", str(file), "--seeds", "1", "--jobs", "1", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = collect(tmp_path / "out" / "mine")
    assert [(each.label, each.count) for each in found.algorithms] == [("PPO", "1/1"), ("A2C", "1/1")]
    assert "2 of 2 runs are finished and kept" in CliRunner().invoke(app, command).output


def changed(before: str, after: str) -> tuple[str, str]:
    assert before in FILE
    return before, after


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (changed("seeds = [", "sedes = ["), 4, "the key 'sedes' must be one of name, description"),
        (changed("seeds = [", "sedes = ["), 4, "did you mean 'seeds'?"),
        (changed("points = 1", "pionts = 1"), 16, "evaluation: the key 'pionts' must be one of points"),
        (changed('agent = "ppo"', 'agnet = "ppo"'), 23, "did you mean 'agent'?"),
        (changed("num_envs = 4\nh", "learning_rate = 4\nh"), 25, "'learning_rate' is the agent's own; write it below"),
        (changed("gamma = 1.0", "gama = 1.0"), 35, "hyperparameters of sb3/A2C: 'gama' must be one of learning_rate"),
        (changed("batch_size = 16", "batch_siz = 16"), 26, "did you mean 'batch_size'?"),
        (changed("batch_size = 16", "batch_size = 0"), 21, "agent PPO: batch_size=0"),
        (changed('"ppo"', '"pppo"'), 23, "agent 'pppo' must be one of uniform"),
        (changed('"sb3/A2C"', '"sb3/TD3"'), 30, "acts by real numbers, and a token is one of V"),
        (changed('"TextGen-Tiny-v0"', '"TextGen-Tini-v0"'), 3, "did you mean 'TextGen-Tiny-v0'?"),
        (changed("test_size = 20", "tset_size = 20"), 12, "env_kwargs: 'tset_size' must be one of vocab_size"),
        (changed("train_size = 20", "train_size = 0"), 10, "train_size=0"),
        (changed('name = "length"', 'name = "lenght"'), 10, "reward='lenght' must be one of"),
        (changed("  1,\n", '  "one",\n'), 4, "seeds='one' must be a whole number"),
        (changed('measures = ["bleu_2", "nll_test"]', 'measures = "bleu_2"'), 19, "must be a list of texts"),
        (changed("num_envs = 4\nh", 'masked = "yes"\nh'), 25, "masked='yes' must be true or false"),
        (changed("num_envs = 4\nh", "env_kwargs = 4\nh"), 25, "env_kwargs=4 must be a table"),
        (changed("num_envs = 4\nh", "env_kwargs = {noise = 4}\nh"), 25, "noise"),
        (changed("total_tokens = 100", "total_tokens = -100"), 21, "total_tokens=-100 must be >= 0"),
        (changed("points = 1", "points = 2020-01-01"), 16, "points=2020-01-01 must be a text, a finite number"),
        (changed("points = 1", "points = nan"), 16, "points=nan must be a text, a finite number"),
        (changed('"bleu_2"', '"bleu_9"'), 15, "'bleu_9' is no measure; there are"),
        (changed('[[algorithms]]\nlabel = "PPO"', '[[algorithms]]\nlabel = "P O"'), 21, "names a folder"),
        (changed('compared_with = "PPO"', 'compared_with = "none"'), 8, "'none' is no algorithm; there are PPO, A2C"),
        (changed("seeds = [", 'curve = "up"\nseeds = ['), 4, "curve='up' must be one of 'return', 'nll_oracle'"),
        (changed('label = "A2C"', 'label = "A2C"\ninit_from = "PPO"'), 28, "init_from='PPO' is for agents"),
    ],
)
def test_mistakes_are_named_with_their_line(change: tuple[str, str], line: int, words: str, file: Path) -> None:
    file.write_text(FILE.replace(*change, 1), encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(file), "--out", str(file.parent / "out")])
    assert result.exit_code == 2, result.output
    said = " ".join(result.output.split())
    assert f"mine.toml, line {line}: " in said
    assert words in said
    assert not (file.parent / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = [", "is no TOML: "),
        (FILE.replace('name = "mine"\n', ""), "mine.toml: the key 'name' is missing"),
        (FILE.replace('env_id = "TextGen-Tiny-v0"\n', ""), "mine.toml: the key 'env_id' is missing"),
        (FILE.replace('label = "PPO"\n', ""), "line 21: algorithms: the key 'label' is missing"),
        (FILE.replace('agent = "ppo"\n', ""), "line 21: algorithms: the key 'agent' is missing"),
        (FILE.split("[[algorithms]]")[0], "mine.toml: algorithms must be tables, at least one: write [[algorithms]]"),
        (FILE.replace("[[algorithms]]", "[[algorithms]]", 1) + "[[shared]]\n", "shared=[{}] must be"),
        ("evaluation = 3\n" + FILE.split("[evaluation]")[0] + FILE[FILE.index("[[alg") :], "write [evaluation] above"),
        ("name = " + "[" * 3_000 + "]" * 3_000, "nested too deeply; flatten them"),
        ("env_id = 3\nalgorithms = [{}]", "line 1: env_id=3 must be a text"),
    ],
)
def test_files_that_hold_no_experiment(text: str, words: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(file)])
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())


def test_files_that_are_none(file: Path) -> None:
    for command, words in (
        (["run", str(file.with_name("no.toml"))], "`python -m benchmarks schema` prints one to begin with"),
        (["run", str(file), "--size", "small"], "it has but one: leave --size out"),
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2
        assert words in " ".join(result.output.split())


def test_own_agents_are_looked_at_before_anything_runs(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agents_of_toml.py").write_text("class Broken:\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    given = FILE.replace('"ppo"', '"agents_of_toml:Broken"').replace("{batch_size = 16, hidden_size = 8}", "{}")
    file.write_text(given)
    with pytest.raises(ValueError, match=r"line 21: what does not implement Agent[\s\S]*it lacks train, predict"):
        experiment_from(file)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("name",), 2),
        (("seeds",), 4),
        (("seeds", 1), 4),
        (("compared_with",), 8),
        (("env_kwargs",), 10),
        (("env_kwargs", "reward", "target"), 13),
        (("algorithms", 0), 21),
        (("algorithms", 0, "hyperparameters", "hidden_size"), 26),
        (("algorithms", 1), 28),
        (("algorithms", 1, "hyperparameters"), 34),
        (("algorithms", 1, "hyperparameters", "gamma"), 35),
    ],
)
def test_lines_are_found(place: tuple[str | int, ...], line: int) -> None:
    assert line_of(FILE, place) == line


def test_the_line_of_a_statement_over_several_lines() -> None:
    text = '# a\nfirst = """\nsecond = 3\n"""\n\n# b\n"second".x = [\n  1,  # one\n]\n'
    assert [line_of(text, place) for place in (("first",), ("second",), ("second", "x"))] == [2, 7, 7]


def test_the_schema_is_an_experiment(tmp_path: Path) -> None:
    """What it prints runs as it is, and has every key with its default."""
    (tmp_path / "schema.toml").write_text(CliRunner().invoke(app, ["schema"]).output, encoding="utf-8")
    experiment = experiment_from(tmp_path / "schema.toml")
    assert [each.label for each in experiment.algorithms] == ["ppo", "SB3-A2C", "uniform"]
    text = annotated_toml()
    for form in (Experiment, Evaluation, Algorithm):
        for each in fields(form):
            assert f"\n# {each.name}: " in text or each.name in ("algorithms", "evaluation")
    # Its commented lines are what they say: with the # away the file is the same experiment.
    lines = [line for line in text.splitlines() if not line.startswith("# ") or " = " in line]
    defaults = [line.removeprefix("# ") for line in lines if line.startswith("# ") and '"..."' not in line]
    read = tomllib.loads("\n".join(dict.fromkeys(line for line in defaults if line.partition(" = ")[0].isidentifier())))
    assert read["final_episodes"] == Evaluation().final_episodes
    assert read["num_envs"] == Algorithm("a", "ppo").num_envs


def test_the_json_schema_knows_the_same_keys() -> None:
    schema = json.loads(json_schema())
    assert schema == json.loads(CliRunner().invoke(app, ["schema", "--json"]).output)
    assert schema["required"] == ["name", "env_id", "algorithms"]

    def check(form: type, part: dict[str, Any]) -> None:
        assert list(part["properties"]) == [each.name for each in fields(form)]
        assert part["additionalProperties"] is False
        assert all(each["description"] for each in part["properties"].values())

    check(Experiment, schema)
    check(Evaluation, schema["properties"]["evaluation"])
    check(Algorithm, schema["properties"]["algorithms"]["items"])
    assert schema["properties"]["algorithms"]["items"]["required"] == ["label", "agent"]
    assert schema["properties"]["seeds"] | {"description": ""} == {
        "type": "array",
        "items": {"type": "integer"},
        "description": "",
        "default": [0, 1, 2],
    }
