"""A tiny experiment, done in this process by a runner that is listened to."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measures.measures import MEASURES
from benchmarks.running.executor import Event
from benchmarks.running.scheduler import run_experiment
from benchmarks.running.tensorboard import ADVICE
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

MICRO = Experiment(
    name="micro",
    description="a test",
    env_id="TextGen-OracleSmall-v0",
    env_kwargs={"vocab_size": 12, "max_length": 4, "train_size": 80, "test_size": 40},
    algorithms=(
        Algorithm("Random", "uniform", num_envs=8),
        Algorithm("MLE", "mle", total_tokens=1_000, num_envs=8),
        Algorithm(
            "REINFORCE",
            "reinforce",
            total_tokens=1_000,
            num_envs=8,
            hyperparameters={"hidden_size": 8, "batch_size": 16},
        ),
        Algorithm(
            "SB3-A2C",
            "stable_baselines3:A2C",
            kind="sb3",
            total_tokens=200,
            num_envs=8,
            hyperparameters={"n_steps": 4, "gamma": 1.0},
            policy_kwargs={"hidden_size": 8},
        ),
        Algorithm("SB3-DQN", "stable_baselines3:DQN", kind="sb3", total_tokens=64, num_envs=8),
    ),
    seeds=(0,),
    evaluation=Evaluation(
        points=4, episodes=16, final_episodes=32, test_texts=20, sample_texts=2, measures=tuple(MEASURES)
    ),
    baseline="Random",
)


class Heard:
    """Listens to a runner: events, and what it says in words."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.words: list[str] = []

    def ended(self) -> list[tuple[str, str]]:
        return [(e.run.algorithm.label, e.kind) for e in self.events if e.kind in ("finished", "failed")]


def do(experiment: Experiment, out: Path, seeds: tuple[int, ...] | None = None, retry: bool = False) -> Heard:
    heard = Heard()
    run_experiment(experiment, out, 0, heard.events.append, seeds, heard.words.append, retry=retry)
    heard.words = [words for words in heard.words if words != ADVICE]
    return heard
