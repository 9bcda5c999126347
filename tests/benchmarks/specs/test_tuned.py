"""Tuned settings as data: taken where they fit, refused where they say what there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.specs.named import SB3, agent_names
from benchmarks.specs.question import Question, experiment_of, said_of_settings
from benchmarks.specs.rl_zoo3 import as_yaml
from benchmarks.specs.tuned import FOLDER, SettingsRefused, read_settings, settings_file, tuned_at

FOUND = """
[tuned.found]
command = "python -m benchmarks tune"
objective = "mean return"
trials = 3
tokens = 500
seeds = "search 10000-10001"
default = 1.0
tuned = 2
difference = [0.5, 1.5]
date = "2026-01-02"
version = "0.1.0"
"""
TINY = "TextGen-Tiny-v0"


def write(folder: Path, agent: str, *entries: str) -> Path:
    path = settings_file(agent, folder)
    path.write_text(f'agent = "{agent}"\n' + "".join(f"\n[[tuned]]\n{each}\n{FOUND}" for each in entries))
    return path


def entry(environment: str = TINY, settings: str = "learning_rate = 0.02", more: str = "") -> str:
    return f'environment = "{environment}"\n{more}\n[tuned.settings]\n{settings}'


def test_settings_are_taken_and_set_wins(tmp_path: Path) -> None:
    write(tmp_path, "ppo", entry(settings="learning_rate = 0.02\nclip = 0.3\nnum_envs = 16"))
    write(tmp_path, "sb3/PPO", entry(settings="n_epochs = 2"))
    asked = Question(("fast=ppo", "a2c", "sb3/PPO"), TINY, ("fast.clip=0.1",), 500, tuned=tmp_path)
    fast, a2c, sb3 = experiment_of(asked).algorithms
    assert (fast.hyperparameters, fast.num_envs) == ({"learning_rate": 0.02, "clip": 0.1}, 16)
    assert a2c.hyperparameters == {}
    assert sb3.hyperparameters["n_epochs"] == 2
    said = experiment_of(asked).description
    assert "fast with settings tuned for TextGen-Tiny-v0 at 500 tokens (2026-01-02)" in said
    assert "a2c with" not in said
    plain = experiment_of(Question(("ppo",), TINY, tuned=None))
    assert plain.algorithms[0].hyperparameters == {}
    assert "tuned" not in plain.description


def test_the_arguments_must_be_the_same(tmp_path: Path) -> None:
    write(tmp_path, "ppo", entry(), entry(settings="clip = 0.3", more="arguments = { train_size = 10 }"))
    (whole,), (small,) = (tuned_at("ppo", TINY, arguments, tmp_path) for arguments in ({}, {"train_size": 10}))
    assert (whole.settings, small.settings) == ({"learning_rate": 0.02}, {"clip": 0.3})
    assert tuned_at("ppo", TINY, {"train_size": 11}, tmp_path) == []


def test_an_environment_comes_before_its_family(tmp_path: Path) -> None:
    family = 'task = "oracle"\n[tuned.settings]\nclip = 0.4'
    write(tmp_path, "ppo", family, entry("TextGen-OracleSmall-v0"))
    (own,), (other,) = (tuned_at("ppo", f"TextGen-{name}-v0", {}, tmp_path) for name in ("OracleSmall", "Oracle"))
    assert (own.settings, other.settings) == ({"learning_rate": 0.02}, {"clip": 0.4})
    assert "environments of the task oracle" in other.in_words
    assert tuned_at("ppo", TINY, {}, tmp_path) == []


@pytest.mark.parametrize(
    ("tokens", "learning_rate"), [(249, None), (250, 0.02), (1_000, 0.02), (1_001, None), (4_000, 0.01), (20_000, None)]
)
def test_the_nearest_budget_is_taken_if_it_is_near(tokens: int, learning_rate: float | None, tmp_path: Path) -> None:
    path = write(tmp_path, "ppo", entry(), entry(settings="learning_rate = 0.01"))
    first, second = path.read_text().rsplit("tokens = 500", 1)
    path.write_text(f"{first}tokens = 5_000{second}")
    asked = Question(("ppo",), TINY, tokens=tokens, tuned=tmp_path)
    assert experiment_of(asked).algorithms[0].hyperparameters.get("learning_rate") == learning_rate
    (line,) = said_of_settings(asked)
    assert ("--untuned" in line) == (learning_rate is not None)
    if learning_rate is None:
        assert line == f"ppo: its defaults; settings were tuned at 500 and 5,000 tokens, not for {tokens:,}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (entry(settings="lerning_rate = 0.1"), "settings.lerning_rate: 'lerning_rate' must be one of"),
        (entry(settings="lerning_rate = 0.1"), "did you mean 'learning_rate'?"),
        (entry(settings="clip = -1"), "clip=-1 must be above 0"),
        (entry(settings=""), "settings are missing"),
        (entry("TextGen-Tini-v0"), "did you mean 'TextGen-Tiny-v0'?"),
        ('task = "orcale"\n[tuned.settings]\nclip = 0.3', "did you mean 'oracle'?"),
        (entry(more='task = "oracle"'), "either an environment or a task"),
        ("[tuned.settings]\nclip = 0.3", "got neither"),
        (entry(more="argument = {}"), "did you mean 'arguments'?"),
        (entry(more="arguments = 3"), "arguments must be a table"),
        (entry() + FOUND.replace("trials = 3", "trails = 3"), "is no TOML"),
    ],
)
def test_files_that_are_refused(content: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, "ppo", content)
    with pytest.raises(SettingsRefused, match=re.escape(words)) as refused:
        read_settings(path, "ppo")
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("trials = 3", "trails = 3", "did you mean 'trials'?"),
        ("trials = 3", "", "found.trials=None must be said"),
        ("tokens = 500", "tokens = 0", "found.tokens=0 must be at least 1"),
        ("trials = 3", 'trials = "3"', "found.trials='3' must be said"),
        ('agent = "ppo"', 'agent = "a2c"', "agent='a2c' must be 'ppo'"),
        ('agent = "ppo"', 'agent = "ppo"\nmore = 1', "more: 'more' must be one of agent, tuned"),
    ],
)
def test_what_must_be_said(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, "ppo", entry())
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SettingsRefused, match=re.escape(words)):
        read_settings(path, "ppo")


def test_two_entries_of_one_place_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "ppo", entry(), entry(settings="clip = 0.3"))
    with pytest.raises(SettingsRefused, match="two entries for TextGen-Tiny-v0 at 500 tokens"):
        read_settings(path, "ppo")


def test_those_that_come_along_are_good() -> None:
    files = {path.name for path in FOLDER.glob("*.toml")}
    assert files <= {settings_file(name).name for name in agent_names()}
    for name in agent_names():
        path = settings_file(name)
        if path.is_file():
            for each in read_settings(path, name):
                assert each.found["difference"][0] > 0


def test_files_are_named_by_agents() -> None:
    names = [settings_file(agent, Path("there")).as_posix() for agent in ("ppo", "sb3/PPO", "mine.agents:Mine")]
    assert names == ["there/ppo.toml", "there/sb3-PPO.toml", "there/mine.agents-Mine.toml"]


def test_train_takes_them_and_the_run_tells(tmp_path: Path) -> None:
    write(tmp_path, "ppo", entry(settings="batch_size = 16\nnum_envs = 8"))
    command = ["train", "--agent", "ppo", "--env", TINY, "--tokens", "300", "--seeds", "1", "--jobs", "1"]
    for each in ("points=2", "episodes=8", "final_episodes=8", "measures=[]"):
        command += ["--set", f"evaluation.{each}"]
    done = CliRunner().invoke(app, [*command, "--tuned", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "ppo: settings tuned for TextGen-Tiny-v0 at 500 tokens" in done.output
    kept = collect(tmp_path / "out" / "Tiny-v0-ppo")
    config = kept.manifest.runs["ppo", 0]
    assert config["algorithm"]["hyperparameters"] == {"batch_size": 16}
    assert config["algorithm"]["num_envs"] == 8
    assert "ppo with settings tuned for" in kept.experiment.description
    plain = CliRunner().invoke(app, [*command, "--untuned", "--tuned", str(tmp_path), "--out", str(tmp_path / "out")])
    assert plain.exit_code == 2
    assert "algorithm.hyperparameters.batch_size: 16 there, not set now" in " ".join(plain.output.split())


def test_settings_as_rl_zoo3_reads_them(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    pytest.importorskip("num2words")
    settings = "learning_rate = 1e-4\nn_epochs = 2\nnormalize_advantage = false\npolicy_kwargs = { hidden_size = 32 }"
    write(tmp_path, "sb3/PPO", entry(settings=settings), entry("TextGen-NumberWords-v0", "ent_coef = 0.01"))
    read = yaml.safe_load(as_yaml("sb3/PPO", tmp_path))
    tiny, numbers = read[TINY], read["TextGen-NumberWords-v0"]
    assert (tiny["learning_rate"], tiny["n_epochs"], tiny["normalize_advantage"]) == (1e-4, 2, False)
    assert isinstance(tiny["learning_rate"], float)
    assert (tiny["policy"], numbers["policy"]) == ("MlpPolicy", "MultiInputPolicy")
    assert (tiny["n_timesteps"], tiny["n_envs"]) == (500, 64)
    assert tiny["n_steps"] == experiment_of(Question(("sb3/PPO",), TINY)).algorithms[0].hyperparameters["n_steps"]
    made = eval(tiny["policy_kwargs"])
    assert made["features_extractor_kwargs"] == {"embedding_size": 32, "hidden_size": 32}
    printed = CliRunner().invoke(app, ["arguments", "sb3/PPO", "--rl-zoo3", "--tuned", str(tmp_path)])
    assert yaml.safe_load(printed.output) == read


@pytest.mark.parametrize(
    ("agent", "words"),
    [("sb3/PPPO", "did you mean 'sb3/PPO'?"), ("ppo", "must be one of sb3/A2C"), ("sb3/TRPO", "has no tuned settings")],
)
def test_what_rl_zoo3_has_no_place_for(agent: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        as_yaml(agent, tmp_path)


@pytest.mark.parametrize("name", SB3)
def test_rollouts_are_whole_texts_and_targets_are_left_alone(name: str) -> None:
    pytest.importorskip("sb3_contrib")
    given = experiment_of(Question((f"sb3/{name}",), TINY)).algorithms[0].hyperparameters
    assert ("n_steps" in given) == (name not in ("DQN", "QRDQN"))
