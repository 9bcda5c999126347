"""Models of Stable-Baselines3, kept and asked again: the same policy, by every command that asks an agent."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("stable_baselines3")

from agents.exact import policy_table
from benchmarks.cli import app
from benchmarks.evaluation.evaluator import texts_to_test_on
from benchmarks.evaluation.fresh import Asked, evaluated
from benchmarks.measures.measures import RETURN
from benchmarks.policies.finished import finished_runs
from benchmarks.policies.kept_run import kept_agent, kept_run
from benchmarks.policies.sb3 import SB3Adapter
from benchmarks.policies.sb3_model import SB3Policy, load_policy, save_policy
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, Run
from benchmarks.specs.named import SB3
from benchmarks.store.run_folder import AGENT, CONFIG
from support.tiny_experiment import do
from textgen_env import Texts
from textgen_env.files import UnreadableFile
from textgen_env.registries import UntrustedPath
from textgen_env.solve import TextMDP, expected_return

TINY = {"train_size": 20, "test_size": 20}
PAIRS = {"pairs": [["a b", "b a"], ["b a", "a b"], ["a a", "a a"], ["b b", "b b"]], "test_size": 1}
SMALL = {"n_steps": 4, "batch_size": 16}


def run_of(name: str, **hyperparameters: object) -> Run:
    package, policies = SB3[name]
    conditional = name in ("RecurrentPPO", "A2C")
    env_id, kwargs = ("TextGen-Parallel-v0", PAIRS) if conditional else ("TextGen-Tiny-v0", TINY)
    algorithm = Algorithm(
        name,
        f"{package}:{name}",
        64,
        "sb3",
        policy=policies[conditional],
        hyperparameters=hyperparameters,
        masked=name == "MaskablePPO",
        num_envs=8,
        policy_kwargs={"lstm_hidden_size": 8} if name == "RecurrentPPO" else {},
    )
    return Run("kept", algorithm, 0, env_id, kwargs, Evaluation())


@pytest.mark.parametrize(
    ("name", "hyperparameters"),
    [
        ("A2C", {"n_steps": 4}),
        ("PPO", SMALL),
        ("MaskablePPO", SMALL),
        ("RecurrentPPO", SMALL),
        ("TRPO", SMALL),
        ("DQN", {"learning_starts": 8, "buffer_size": 100, "target_update_interval": 16}),
        ("QRDQN", {"learning_starts": 8, "buffer_size": 100, "target_update_interval": 16}),
    ],
)
def test_a_policy_that_was_kept_is_the_same(name: str, hyperparameters: dict[str, object], tmp_path: Path) -> None:
    run = run_of(name, **hyperparameters)
    adapter = SB3Adapter(run)
    adapter.train(64, lambda progress: True)
    save_policy(adapter.model, tmp_path / AGENT)
    other = SB3Adapter(run)
    envs = gymnasium.make_vec(run.env_id, num_envs=1, **run.env_kwargs)
    mdp = TextMDP.of(envs)
    table = adapter.policy(mdp)
    assert not np.allclose(other.policy(mdp), table), "training has changed nothing"
    load_policy(other.model, tmp_path / AGENT)
    task = envs.unwrapped.task
    policy = SB3Policy(other.model, task)
    np.testing.assert_allclose(policy_table(policy, mdp), table, atol=1e-6)
    texts = task.all_texts() if task.sources is None else texts_to_test_on(task, 10)
    sources = None if texts.sources is None else task.sources.tokens[texts.sources]
    found = policy.log_prob(texts.tokens, texts.lengths, sources)
    np.testing.assert_allclose(found, adapter.log_prob(Texts(*texts), task), atol=1e-5)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of A2C of Stable-Baselines3."""
    folder = tmp_path_factory.mktemp("models")
    settings = {"n_steps": 4, "learning_rate": 0.01}
    algorithm = Algorithm("SB3", "stable_baselines3:A2C", 2_000, "sb3", num_envs=16, hyperparameters=settings)
    evaluation = Evaluation(points=1, episodes=8, final_episodes=64, measures=("nll_test", "greedy_return"))
    experiment = Experiment("models", "a test", "TextGen-Tiny-v0", (algorithm,), TINY, (0,), evaluation)
    do(experiment, folder)
    return folder / "models"


def test_it_is_asked_again_by_every_command(out: Path) -> None:
    run = out / "SB3" / "seed-0"
    found = evaluated(kept_run(run), Asked(episodes=4_000))
    mdp = TextMDP.of(gymnasium.make_vec("TextGen-Tiny-v0", num_envs=1, **TINY))
    exact = float(expected_return(mdp, policy_table(kept_run(run).agent, mdp)))
    assert found.estimates[RETURN].value == pytest.approx(exact, abs=4 * found.estimates[RETURN].error)
    assert {"nll_test", "greedy_return"} <= found.estimates.keys()
    for command in (["sample", "--n", "3", "--decode", "beam"], ["watch", "--n", "2", "--speed", "0"], ["evaluate"]):
        result = CliRunner().invoke(app, [command[0], str(run), *command[1:]])
        assert result.exit_code == 0, result.output
    assert [each.label for each in finished_runs(out).agents] == ["SB3"]


def test_the_likeliest_text_is_measured(out: Path) -> None:
    result = json.loads((out / "SB3" / "seed-0" / "result.json").read_text())
    assert "greedy_return" in json.dumps(result)


def test_what_is_no_policy_of_the_model_is_refused(out: Path, tmp_path: Path) -> None:
    run = out / "SB3" / "seed-0"
    config = json.loads((run / CONFIG).read_text())
    folder = tmp_path / "models" / "SB3" / "seed-0"
    folder.mkdir(parents=True)
    (folder / AGENT).write_bytes(b"nothing")
    with pytest.raises(UnreadableFile, match="holds no policy"):
        kept_agent(folder, config)
    (folder / AGENT).write_bytes((run / AGENT).read_bytes())
    config["algorithm"]["policy_kwargs"] = {"net_arch": [3]}
    with pytest.raises(UnreadableFile, match="holds no policy of a A2C with these settings"):
        kept_agent(folder, config)


@pytest.mark.parametrize("place", ["agent", "env_id"])
def test_nothing_is_imported_that_a_folder_names(place: str, out: Path, tmp_path: Path) -> None:
    run = out / "SB3" / "seed-0"
    config = json.loads((run / CONFIG).read_text())
    if place == "agent":
        config["algorithm"]["agent"] = "evil:PPO"
    else:
        config["env_id"] = "evil:TextGen-Tiny-v0"
    with pytest.raises((UntrustedPath, ValueError), match="--trust"):
        kept_agent(run, config)


def test_a_run_that_kept_no_policy_says_so(out: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "SB3" / "seed-0"
    folder.mkdir(parents=True)
    for each in (CONFIG, "result.json"):
        (folder / each).write_bytes((out / "SB3" / "seed-0" / each).read_bytes())
    with pytest.raises(FileNotFoundError, match="of a version that keeps the policies of Stable-Baselines3"):
        kept_run(folder)
