"""`train` and `arguments`: a person's own question, and each mistake in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.specs.named import agent_names, named_agent
from benchmarks.specs.question import Question, experiment_of
from benchmarks.specs.settings import parsed_settings

TINY = ["--set", "env.train_size=10", "--set", "env.test_size=10"]
SHORT = ["--set", "evaluation.points=2", "--set", "evaluation.episodes=8", "--set", "evaluation.final_episodes=8"]


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


def test_an_agent_is_trained_and_its_texts_are_shown(tmp_path: Path) -> None:
    command = ["train", "--agent", "ppo", "--agent", "uniform", "--env", "TextGen-Tiny-v0", *TINY, *SHORT]
    command += ["--set", "ppo.batch_size=16", "--set", "agent.num_envs=8"]
    command += ["--tokens", "500", "--seeds", "1", "--jobs", "1", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = collect(tmp_path / "Tiny-v0-ppo+uniform")
    assert [each.label for each in found.algorithms] == ["ppo", "uniform"]
    assert found.results[0].curve[-1].tokens >= 500
    assert (tmp_path / "Tiny-v0-ppo+uniform" / "report.html").is_file()
    assert "1 of" not in CliRunner().invoke(app, ["report", str(tmp_path)]).output
    again = CliRunner().invoke(app, command)
    assert "2 of 2 runs are finished and kept" in again.output
    texts = CliRunner().invoke(app, ["sample", str(tmp_path / "Tiny-v0-ppo+uniform/ppo/seed-0"), "--n", "3"])
    assert len(texts.output.splitlines()) == 4
    other = CliRunner().invoke(app, [*command, "--set", "ppo.clip=0.1"])
    assert other.exit_code == 2
    assert "clip" in other.output


def test_settings_reach_what_they_name(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a b\nb a\na a\nb b\na b a\n")
    settings = (f"env.path={tmp_path / 'texts.txt'}", "env.reward.max_order=2", "fast.learning_rate=0.1")
    asked = Question(("fast=ppo", "reinforce", "sb3/PPO"), "TextGen-Corpus-v0", (*settings, "agent.num_envs=4"), 700)
    experiment = experiment_of(asked)
    assert experiment.env_kwargs["reward"] == {"name": "bleu", "boundaries": True, "max_order": 2}
    fast, plain, sb3 = experiment.algorithms
    assert (fast.agent, fast.hyperparameters, fast.num_envs) == ("ppo", {"learning_rate": 0.1}, 4)
    assert (plain.label, plain.hyperparameters, plain.total_tokens) == ("reinforce", {}, 700)
    # Whole texts, of three words and the end.
    assert (sb3.label, sb3.kind, sb3.hyperparameters) == ("sb3-PPO", "sb3", {"n_steps": 4})
    # So few words and so short texts are solved.
    assert experiment.goal == "optimum"


def test_conditional_tasks_take_policies_of_several_inputs() -> None:
    pytest.importorskip("num2words")
    asked = Question(("sb3/PPO", "sb3/RecurrentPPO"), "TextGen-NumberWords-v0", ("env.max_number=99",))
    assert [each.policy for each in experiment_of(asked).algorithms] == ["MultiInputPolicy", "MultiInputLstmPolicy"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("[1, 2]", [1, 2]), ("reviews.txt", "reviews.txt"), ('"3"', "3")],
)
def test_values_are_tomls_or_strings(text: str, value: object) -> None:
    assert parsed_settings([f"env.x={text}", "env.y.z=2020-01-01"], ["env"]) == {
        "env": {"x": value, "y": {"z": "2020-01-01"}}
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["env.path"], "must be of the form PLACE.NAME=VALUE"),
        (["path=3"], "must be of the form PLACE.NAME=VALUE"),
        (["envs.path=3"], "'envs' must be one of env, agent; did you mean 'env'?"),
        (["env.a=1", "env.a=2"], "env.a is set to 1 already"),
        (["env.a=1", "env.a.b=2"], "'a' is set to 1 already"),
        (["env.a=nan"], "nan must be a finite number"),
    ],
)
def test_settings_that_are_none(settings: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parsed_settings(settings, ["env", "agent"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--agent", "pppo"], "did you mean 'ppo'?"),
        (["--agent", "pg_bleu"], "agent pg_bleu cannot be made in TextGen-Tiny-v0: envs: their reward is TableReward"),
        (["--agent", "tempered"], "agent tempered cannot be made in TextGen-Tiny-v0: Tempered has no policy yet"),
        (["--agent", "sb3/QRDQN", "--set", "sb3-QRDQN.batch_size=-3"], "agent sb3-QRDQN cannot be made in"),
        (["--agent", "sb3/SAC"], "acts by real numbers, and a token is one of V; take one of"),
        (["--agent", "sb3/ARS"], "has a policy without features extractor"),
        (["--agent", "sb3_contrib:ARS"], "has a policy without features extractor"),
        (["--agent", "no_such_module:Mine"], "No module named 'no_such_module'; check the spelling"),
        (["--agent", "pathlib:Nothing"], "the module 'pathlib' has no 'Nothing'"),
        (["--agent", "os:getcwd"], "must be a class, got builtin_function_or_method"),
        (["--agent", "ppo"], "'ppo' is there already; give it a label"),
        (["--agent", "env=ppo"], "the label 'env'"),
        (["--env", "TextGen-Tini-v0"], "did you mean 'TextGen-Tiny-v0'?"),
        (["--env", "CartPole-v1"], "must be one of TextGen-Tiny-v0"),
        (["--set", "agent.lerning_rate=1"], "did you mean 'learning_rate'?"),
        (["--set", "agent.clip=-1"], "clip=-1 must be above 0"),
        (["--set", "env.train_siz=1"], "did you mean 'train_size'?"),
        (["--set", "env.train_size=0"], "train_size=0"),
        (["--set", "evaluation.point=1"], "did you mean 'points'?"),
        (["--set", "evaluation.points=0"], "points=0 must be >= 1"),
        (["--set", "evaluation.measures=bleu_4"], "must be a list"),
        (["--tokens", "0"], "--tokens 0 must be at least 1"),
        (["--seeds", "0"], "--seeds '0'"),
        (["--jobs", "0"], "--jobs 0 must be at least 1"),
        (["--name", "a/b"], "names a folder"),
    ],
)
def test_mistakes_are_named_before_anything_runs(change: list[str], words: str, tmp_path: Path) -> None:
    asked = ["train", "--agent", "ppo", "--env", "TextGen-Tiny-v0", "--out", str(tmp_path / "out")]
    assert words in said(*asked, *change)
    assert not (tmp_path / "out").exists()


def test_the_steps_of_returns_are_no_rollout() -> None:
    """To DQN and QR-DQN `n_steps` is another thing than to PPO."""
    asked = Question(("sb3/DQN", "sb3/QRDQN", "sb3/TRPO", "stable_baselines3:DQN"), "TextGen-Tiny-v0")
    assert [each.hyperparameters for each in experiment_of(asked).algorithms] == [{}, {}, {"n_steps": 5}, {}]


OWN = """
from dataclasses import dataclass
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from stable_baselines3 import A2C

@dataclass(frozen=True)
class MineConfig(ReinforceConfig):
    best: int = 8  # texts of each batch that count

class Mine(Reinforce):
    config_class = MineConfig

class Broken:
    pass

class Faster(A2C):
    pass
"""


def test_agents_of_ones_own_are_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agents_of_mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    command = ["train", "--agent", "agents_of_mine:Mine", "--agent", "fast=agents_of_mine:Faster"]
    command += ["--env", "TextGen-Tiny-v0", *TINY, *SHORT, "--set", "agent.num_envs=4", "--set", "Mine.best=3"]
    command += ["--set", "Mine.batch_size=8", "--set", "fast.gamma=1.0"]
    done = CliRunner().invoke(app, [*command, "--tokens", "60", "--seeds", "1", "--jobs", "1"])
    assert done.exit_code == 0, done.output
    found = collect(tmp_path / "runs" / "Tiny-v0-Mine+fast")
    configs = [each.config["algorithm"] for each in found.algorithms if each.config is not None]
    assert [(each["agent"], each["hyperparameters"]) for each in configs] == [
        ("agents_of_mine:Mine", {"best": 3, "batch_size": 8}),
        ("agents_of_mine:Faster", {"n_steps": 5, "gamma": 1.0}),
    ]
    assert "texts of each batch that count" in CliRunner().invoke(app, ["arguments", "agents_of_mine:Mine"]).output
    run = str(tmp_path / "runs" / "Tiny-v0-Mine+fast" / "Mine" / "seed-0")
    assert "say so: --trust" in said("evaluate", run)
    assert CliRunner().invoke(app, ["evaluate", run, "--episodes", "4", "--trust"]).exit_code == 0
    refused = said("train", "--agent", "agents_of_mine:Broken", "--env", "TextGen-Tiny-v0", "--out", "other")
    assert "it lacks train, predict, sample" in refused
    assert "did you mean 'best'?" in said(*command, "--set", "Mine.bset=3")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_tells_its_arguments(name: str) -> None:
    listed = CliRunner().invoke(app, ["arguments", name])
    assert listed.exit_code == 0, listed.output
    for each in named_agent(name).arguments:
        assert f"  {each.name}" in listed.output


def test_arguments_of_other_names() -> None:
    output = CliRunner().invoke(app, ["arguments", "ppo"]).output
    assert "learning_rate = 0.003" in output
    assert "of Adam" in output
    assert "test_size=0.1" in CliRunner().invoke(app, ["arguments", "TextGen-Corpus-v0"]).output
    assert "max_order" in CliRunner().invoke(app, ["arguments", "bleu"]).output
    assert "test_size" in CliRunner().invoke(app, ["arguments", "corpus"]).output
    assert "did you mean 'ppo'?" in said("arguments", "pppo")


def test_help_lists_every_name() -> None:
    output = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "300"}).output
    assert all(name in output for name in ("ppo", "gumbel_softmax", "sb3/TRPO", "TextGen-Transcribe-v0"))
