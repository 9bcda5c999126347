"""`evaluate` and `watch`: finished agents asked again, and each mistake in it."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from agents.exact import policy_table
from benchmarks.cli import app
from benchmarks.evaluation.fresh import Asked, Evaluated, evaluated, means_over_runs
from benchmarks.measures.measures import RETURN
from benchmarks.policies.kept_run import kept_run, run_folders
from benchmarks.report.watching import Pace, watch
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from support.tiny_experiment import do
from textgen_env.solve import TextMDP, expected_return

EXPERIMENT = Experiment(
    name="asked",
    description="a test",
    env_id="TextGen-Tiny-v0",
    env_kwargs={"train_size": 50, "test_size": 50},
    algorithms=(
        Algorithm("A2C", "a2c", total_tokens=600, num_envs=8, masked=True, hyperparameters={"hidden_size": 8}),
        Algorithm("SB3", "stable_baselines3:A2C", total_tokens=64, kind="sb3", num_envs=8),
    ),
    seeds=(0, 1),
    evaluation=Evaluation(points=1, episodes=8, final_episodes=32, measures=("nll_test", "distinct_2", "nll_oracle")),
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    do(EXPERIMENT, folder)
    return folder / "asked"


def asked_of(out: Path, asked: Asked, seed: int = 0) -> Evaluated:
    return evaluated(kept_run(out / "A2C" / f"seed-{seed}"), asked)


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


def test_the_return_is_that_of_the_policy(out: Path) -> None:
    found = asked_of(out, Asked(episodes=4_000))
    agent = kept_run(out / "A2C" / "seed-0").agent
    mdp = TextMDP.of(gymnasium.make_vec("TextGen-Tiny-v0", num_envs=1))
    estimate = found.estimates[RETURN]
    assert abs(estimate.value - expected_return(mdp, policy_table(agent, mdp))) < 4.5 * estimate.error
    assert 0 < estimate.error < 0.1
    assert found.reasons == {"nll_oracle": "the task has no oracle"}
    assert found.references["optimum"].value == pytest.approx(5.412, abs=1e-3)


def test_texts_are_those_of_the_seed(out: Path) -> None:
    first, again, other = (asked_of(out, Asked(episodes=50, seed=seed)).estimates[RETURN] for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_greedy_texts_are_one(out: Path) -> None:
    found = asked_of(out, Asked("greedy", 5))
    assert found.estimates[RETURN].error == 0
    env = gymnasium.make("TextGen-Tiny-v0")
    agent, (observation, _) = kept_run(out / "A2C" / "seed-0").agent, env.reset()
    total, terminated = 0.0, False
    while not terminated:
        action = agent.predict(observation[None], deterministic=True)[0][0]
        observation, reward, terminated, _, _ = env.step(action)
        total += float(reward)
    assert found.estimates[RETURN].value == pytest.approx(total)
    assert found.notes


def test_another_reward_pays_the_same_texts(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_pay.py").write_text("def paid(tokens, lengths):\n    return lengths + 100.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = asked_of(out, Asked(episodes=40))
    for asked in (
        Asked(episodes=40, settings=("env.reward=my_pay:paid",)),
        Asked(episodes=40, settings=("env.reward=my_pay:paid",), env_id="TextGen-Tiny-v0"),
    ):
        other = asked_of(out, asked)
        assert 101 <= other.estimates[RETURN].value <= 105
        assert other.estimates["distinct_2"].value == own.estimates["distinct_2"].value


def test_a_reward_that_learned_is_not_made_up(out: Path) -> None:
    found = asked_of(out, Asked(episodes=8, settings=("env.reward=discriminator",)))
    assert RETURN not in found.estimates
    assert "learned was not kept" in found.reasons[RETURN]


def test_other_words_are_told_of(out: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("x y\ny x\nz x y z\nx\ny\n")
    settings = (f"env.path={tmp_path / 'texts.txt'}", "env.max_length=5", "env.test_size=1")
    found = asked_of(out, Asked("greedy", episodes=8, env_id="TextGen-Corpus-v0", settings=settings))
    assert "the tokens of this environment are other words than those of its training" in found.notes
    found = asked_of(out, Asked(episodes=8, env_id="TextGen-Tiny-v0", settings=("env.seed=1",)))
    assert found.notes == ()


def test_means_are_over_runs(out: Path) -> None:
    found = [asked_of(out, Asked(episodes=20), seed) for seed in (0, 1)]
    values = [each.estimates[RETURN].value for each in found]
    mean = means_over_runs(found)["asked", "A2C"][RETURN]
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.error == pytest.approx(abs(values[0] - values[1]) / 2)


def test_the_table_has_every_run_and_their_mean(out: Path) -> None:
    asked = ["evaluate", str(out / "A2C"), "--episodes", "20", "--decode", "greedy"]
    result = CliRunner().invoke(app, asked, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for words in ("A2C/seed-0", "A2C/seed-1", "A2C, 2 runs", "best text", "NLL_test", "No NLL_oracle", "± 0.000"):
        assert words in result.output


def test_runs_are_found_wherever_a_path_leads(out: Path) -> None:
    every = run_folders([out])
    assert [each.relative_to(out).as_posix() for each in every] == [
        f"{label}/seed-{seed}" for label in ("A2C", "SB3") for seed in (0, 1)
    ]
    assert run_folders([out.parent, out / "A2C", out / "A2C" / "seed-1"]) == every
    assert run_folders([out / "A2C"]) == every[:2]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["evaluate", "{out}/nothing"], "is no folder"),
        (["evaluate", "{out}/A2C/seed-0", "--episodes", "1"], "--episodes=1 must be a whole number >= 2"),
        (["evaluate", "{out}/A2C/seed-0", "--decode", "x"], "--decode='x' must be one of 'greedy', 'beam', 'sample'"),
        (["evaluate", "{out}/A2C/seed-0", "--env", "TextGen-Tini-v0"], "did you mean 'TextGen-Tiny-v0'?"),
        (["evaluate", "{out}/A2C/seed-0", "--env", "TextGen-Captions-v1"], "give one of the same spaces"),
        (["evaluate", "{out}/A2C/seed-0", "--set", "env.rewrd=bleu"], "did you mean 'reward'?"),
        (["evaluate", "{out}/A2C/seed-0", "--set", "agent.clip=1"], "'agent' must be one of env"),
        (["evaluate", "{out}/A2C/seed-0", "--seed", "-1"], "--seed=-1"),
        (["watch", "{out}/A2C"], "holds no agent.safetensors"),
        (["watch", "{out}/SB3"], "holds no agent.safetensors"),
        (["watch", "{out}/A2C/seed-0", "--source", "3"], "answer to no source; leave it out"),
        (["watch", "{out}/A2C/seed-0", "--speed", "-1"], "--speed=-1"),
        (["watch", "{out}/A2C/seed-0", "--n", "0"], "--n=0 must be a whole number >= 1"),
    ],
)
def test_mistakes_are_named(command: list[str], words: str, out: Path) -> None:
    assert words in said(*(each.format(out=out) for each in command))


def test_a_damaged_run_is_refused(out: Path, tmp_path: Path) -> None:
    run = tmp_path / "seed-0"
    shutil.copytree(out / "A2C" / "seed-0", run)
    (run / "agent.safetensors").write_bytes(b"nothing")
    assert "do the run again" in said("evaluate", str(run))
    assert "do the run again" in said("watch", str(run))


def test_a_text_grows_on_a_terminal(out: Path) -> None:
    written = io.StringIO()
    waited: list[float] = []
    console = Console(file=written, force_terminal=True, width=100, color_system=None)
    watch(out / "A2C" / "seed-0", Pace(2, "greedy", 50.0), console, sleep=waited.append)
    frames = re.findall(r"token (\d) of 5", written.getvalue())
    # Two texts, each from nothing to its end.
    assert frames[0] == "0"
    assert {int(each) for each in frames} == set(range(int(max(frames)) + 1))
    assert waited == [1 / 50] * 2 * int(max(frames))


def test_elsewhere_texts_are_printed_whole(out: Path) -> None:
    result = CliRunner().invoke(app, ["watch", str(out / "A2C" / "seed-0"), "--n", "4", "--seed", "1"])
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    totals = [float(each) for each in re.findall(r"total (\S+)", result.output)]
    by_token = [[float(each) for each in line.split()] for line in re.findall(r"by token: (.*)", result.output)]
    assert len(totals) == 4
    several = [total for total, block in zip(totals, result.output.split("\n\n"), strict=True) if "by token" in block]
    assert several == pytest.approx([sum(rewards) for rewards in by_token], abs=0.02)


def test_one_source_is_answered_again_and_again(tmp_path: Path) -> None:
    pytest.importorskip("num2words")
    algorithm = Algorithm("MLE", "mle", total_tokens=100, num_envs=4, hyperparameters={"hidden_size": 4})
    short = Evaluation(points=1, episodes=2, final_episodes=2, test_texts=4, measures=())
    kwargs = {"max_number": 99}
    do(Experiment("spoken", "", "TextGen-NumberWords-v0", (algorithm,), kwargs, (0,), short), tmp_path)
    run = tmp_path / "spoken" / "MLE" / "seed-0"
    shown = CliRunner().invoke(app, ["watch", str(run), "--n", "2", "--source", "21"]).output
    assert shown.count("source: 21\n") == 2
    assert "--source 100 must be a row of the sources, 0 to 99" in said("watch", str(run), "--source", "100")
    assert CliRunner().invoke(app, ["evaluate", str(run), "--episodes", "4", "--decode", "beam"]).exit_code == 0
