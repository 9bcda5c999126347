"""Adapters: what one says of its policy in a game is what its `predict` draws."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike

from agents.baselines.uniform import Uniform
from agents.exact import policy_table, table_of_log_probs
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from benchmarks.evaluation.evaluator import SEED_STRIDE
from benchmarks.measures.measured import NoLikelihood
from benchmarks.policies.adapter import ResumableAdapter
from benchmarks.policies.agent import AgentAdapter
from benchmarks.policies.environments import make_envs
from benchmarks.policies.sb3 import SB3Adapter
from benchmarks.specs.experiment import Algorithm, Experiment, Run, runs_of
from support.games import share_copied
from support.text_sums import paths, probability_of_each_text
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts

SIZE = {"vocab_size": 3, "max_length": 3}
SMALL: dict[str, Any] = {"hidden_size": 8, "net_arch": (8,)}
ROLLOUT: dict[str, Any] = {"n_steps": 3, "gamma": 1.0}
REPLAY: dict[str, Any] = {"learning_starts": 8, "train_freq": 1, "batch_size": 16, "buffer_size": 500, "gamma": 1.0}
SB3 = {
    "PPO": Algorithm("PPO", "stable_baselines3:PPO", 48, "sb3", {**ROLLOUT, "batch_size": 24}, policy_kwargs=SMALL),
    "TRPO": Algorithm("TRPO", "sb3_contrib:TRPO", 48, "sb3", {**ROLLOUT, "batch_size": 24}, policy_kwargs=SMALL),
    "RecurrentPPO": Algorithm(
        "RecurrentPPO",
        "sb3_contrib:RecurrentPPO",
        48,
        "sb3",
        {**ROLLOUT, "batch_size": 24, "learning_rate": 0.05},
        policy="MlpLstmPolicy",
        policy_kwargs={**SMALL, "lstm_hidden_size": 8},
    ),
    "MaskablePPO": Algorithm(
        "MaskablePPO",
        "sb3_contrib:MaskablePPO",
        48,
        "sb3",
        {**ROLLOUT, "batch_size": 24},
        policy_kwargs=SMALL,
        masked=True,
    ),
    "DQN": Algorithm("DQN", "stable_baselines3:DQN", 200, "sb3", REPLAY, policy_kwargs=SMALL),
    "QRDQN": Algorithm("QRDQN", "sb3_contrib:QRDQN", 200, "sb3", REPLAY, policy_kwargs={**SMALL, "n_quantiles": 5}),
}


def run_of(row: Algorithm, **kwargs: Any) -> Run:
    """One run of the row in a small game."""
    experiment = Experiment("small", "d", "TextGen-Tiny-v0", (row,), {**SIZE, **kwargs}, seeds=(0,))
    return runs_of(experiment)[0]


def trained(label: str, **kwargs: Any) -> tuple[SB3Adapter, TextMDP]:
    row = SB3[label]
    run = run_of(Algorithm(**{**vars(row), "num_envs": 8}), **kwargs)
    adapter = SB3Adapter(run)
    adapter.train(row.total_tokens, lambda progress: True)
    return adapter, TextMDP.of(make_envs(run.env_id, 2, run.env_kwargs, "cpu"))


@pytest.mark.parametrize("label", SB3)
def test_the_table_of_an_sb3_policy_is_what_it_says_of_whole_texts(label: str) -> None:
    adapter, mdp = trained(label)
    texts = all_texts(mdp)
    table = adapter.policy(mdp)
    task: Any = make_envs("TextGen-Tiny-v0", 2, SIZE, "cpu").unwrapped
    said = np.exp(adapter.log_prob(texts, task.task))
    np.testing.assert_allclose(probability_of_each_text(mdp, table), said, atol=1e-6)
    assert np.ptp(table) > 1e-3


@pytest.mark.parametrize("label", SB3)
def test_the_table_of_an_sb3_policy_is_what_predict_draws(label: str) -> None:
    min_length = 2 if label == "MaskablePPO" else 0
    adapter, mdp = trained(label, min_length=min_length)
    table = adapter.policy(mdp)
    states, tokens, written = paths(mdp)
    state: Any = None
    with adapter.drawing(3):
        for t in range(tokens.shape[1]):
            rows = written[:, t]
            prefixes = mdp.tokens[states[:, t]]
            extra: dict[str, Any] = {"action_masks": mdp.allowed[states[:, t]]} if label == "MaskablePPO" else {}
            begins = np.full(len(rows), t == 0)
            draws = [adapter.predict(prefixes, state, begins, False, **extra)[0] for _ in range(200)]
            best, state = adapter.predict(prefixes, state, begins, True, **extra)
            likeliest = table[states[:, t], best]
            np.testing.assert_allclose(likeliest[rows], table[states[:, t]].max(1)[rows], atol=1e-6)
            found = (np.array(draws)[:, :, None] == np.arange(3)).mean(0)
            # Five standard errors; texts that share a prefix draw alike only by chance, those of DQN also together.
            assert (np.abs(found - table[states[:, t]])[rows] < 5 * np.sqrt(0.25 / 200)).all()


def test_looking_at_a_policy_that_explores_does_not_change_how_it_learns() -> None:
    row = Algorithm(**{**vars(SB3["DQN"]), "num_envs": 4})
    ends = []
    for looks in (0, 3):
        adapter = SB3Adapter(run_of(row))

        def look(progress: Any, adapter: Any = adapter, looks: int = looks) -> bool:
            for number in range(looks):
                with adapter.drawing(number):
                    adapter.predict(np.full((5, 3), 3), None, None, False)
            return True

        adapter.train(200, look)
        ends.append([parameter.detach().numpy().copy() for parameter in adapter.model.policy.parameters()])
    for ours, theirs in zip(*ends, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_drawing_is_seeded() -> None:
    adapter = SB3Adapter(run_of(SB3["DQN"]))
    adapter.model.exploration_rate = 1.0
    draws = []
    for seed in (5, 5, 6):
        with adapter.drawing(seed):
            draws.append(adapter.predict(np.full((40, 3), 3), None, None, False)[0].tolist())
    assert draws[0] == draws[1] != draws[2]


def test_drawing_takes_the_seeds_of_every_run() -> None:
    """NumPy's old generator takes no seed from 2^32 on, where the evaluation's lie from a run's seed of 4,294 on."""
    adapter = SB3Adapter(run_of(SB3["DQN"]))
    numbers = {}
    for seed in (7, 2**32 - 1, SEED_STRIDE * (4_294 + 1), SEED_STRIDE * (2**32)):
        with adapter.drawing(seed):
            numbers[seed] = np.random.random(), torch.rand(1).item()  # noqa: NPY002
    assert len(set(numbers.values())) == 4
    assert numbers[7][0] == np.random.RandomState(7).random()


@pytest.mark.parametrize(("device", "forked"), [("cpu", []), ("cuda:1", [torch.device("cuda:1")])])
def test_drawing_puts_back_the_generator_of_the_device(
    monkeypatch: pytest.MonkeyPatch, device: str, forked: list[torch.device]
) -> None:
    """torch's seed is also that of the accelerator, which training draws from there."""
    adapter = SB3Adapter(run_of(SB3["DQN"]))
    adapter.model.device = torch.device(device)
    told = []

    def fork_rng(devices: list[torch.device]) -> AbstractContextManager[None]:
        told.append(devices)
        return nullcontext()

    monkeypatch.setattr(torch.random, "fork_rng", fork_rng)
    with adapter.drawing(3):
        pass
    assert told == [forked]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_drawing_on_a_gpu_leaves_its_generator_as_it_was() -> None:
    adapter = SB3Adapter(replace(run_of(SB3["DQN"]), device="cuda"))
    before = torch.cuda.get_rng_state()
    with adapter.drawing(3):
        torch.rand(5, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)


class ByLogProb:
    """An agent that is known by its `log_prob` alone."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent

    def log_prob(self, tokens: ArrayLike, lengths: ArrayLike, sources: ArrayLike | None = None) -> np.ndarray:
        return np.asarray(self.agent.log_prob(tokens, lengths, sources))


def adapter_of(agent: Any) -> AgentAdapter:
    adapter = AgentAdapter(run_of(Algorithm("Random", "uniform")))
    adapter.agent = agent
    return adapter


@pytest.mark.parametrize("conditional", [False, True])
def test_log_prob_alone_gives_the_whole_table(conditional: bool, echo_task: Any) -> None:
    envs = (
        TextGenVectorEnv(echo_task, share_copied) if conditional else make_envs("TextGen-Tiny-v0", 2, {}, device="cpu")
    )
    mdp = TextMDP.of(envs)
    agent = Reinforce(envs, ReinforceConfig(hidden_size=8, entropy_weight=0.0)).train(envs, 2_000)
    found = adapter_of(ByLogProb(agent)).policy(mdp)
    np.testing.assert_allclose(found, policy_table(agent, mdp), atol=1e-4)
    np.testing.assert_array_equal(adapter_of(agent).policy(mdp), policy_table(agent, mdp))
    np.testing.assert_allclose(adapter_of(Uniform(envs)).policy(mdp), 1 / mdp.vocab_size, atol=1e-12)


def test_after_what_is_never_written_all_tokens_are_alike() -> None:
    mdp = TextMDP.of(make_envs("TextGen-Tiny-v0", 2, SIZE, "cpu"))

    def log_prob(tokens: np.ndarray, lengths: np.ndarray, sources: Any) -> np.ndarray:
        return np.where(lengths == 1, 0.0, -np.inf)

    table = table_of_log_probs(log_prob, mdp)
    np.testing.assert_allclose(table[0], [1, 0, 0])
    np.testing.assert_allclose(table[1:], 1 / 3)


def test_what_log_prob_cannot_say_has_a_reason(tmp_path: Path) -> None:
    plain, masked = (
        TextMDP.of(make_envs("TextGen-Tiny-v0", 2, {**SIZE, "min_length": n}, device="cpu")) for n in (0, 2)
    )
    agent = Uniform(make_envs("TextGen-Tiny-v0", 2, SIZE, "cpu"))
    with pytest.raises(NoLikelihood, match="not known where tokens are masked"):
        adapter_of(ByLogProb(agent)).policy(masked)
    with pytest.raises(ValueError, match="log_prob knows no masks, and this game masks tokens"):
        table_of_log_probs(agent.log_prob, masked)

    class Wrong(ByLogProb):
        def log_prob(self, *args: Any) -> np.ndarray:
            return super().log_prob(*args) + np.log(2)

    with pytest.raises(NoLikelihood, match="log_prob gives all 15 texts add up to 2, not 1"):
        adapter_of(Wrong(agent)).policy(plain)


def test_the_entropy_bonus_fades_where_an_algorithm_says_so() -> None:
    """Stable-Baselines3 has no schedule for it; before each rollout it is that of the tokens written."""
    settings = {**ROLLOUT, "batch_size": 24, "ent_coef": 0.8, "ent_half_life": 96.0}
    row = Algorithm("PPO", "stable_baselines3:PPO", 400, "sb3", settings, policy_kwargs=SMALL, num_envs=16)
    adapter = SB3Adapter(run_of(row))
    assert adapter.model.ent_coef == 0.8
    seen: list[tuple[int, float]] = []
    adapter.train(192, lambda progress: seen.append((progress.tokens_generated, adapter.model.ent_coef)))
    # Rollouts of 48 tokens; the watcher hears of each before the bonus is set for it.
    assert [tokens for tokens, _ in seen] == [0, 48, 96, 144, 192]
    assert [bonus for _, bonus in seen[2:]] == pytest.approx([0.8 * 0.5 ** (tokens / 96) for tokens in (48, 96, 144)])
    for wrong in ({"ent_half_life": 0.0}, {"ent_coef": None}):
        given = {name: value for name, value in {**settings, **wrong}.items() if value is not None}
        with pytest.raises(ValueError, match=r"algorithm PPO: ent_half_life=\S+ must be above 0, and ent_coef given"):
            SB3Adapter(run_of(Algorithm("PPO", "stable_baselines3:PPO", 400, "sb3", given, policy_kwargs=SMALL)))


def test_an_agent_can_be_resumed_and_what_keeps_pickles_cannot() -> None:
    assert isinstance(AgentAdapter(run_of(Algorithm("Random", "uniform"))), ResumableAdapter)
    assert not isinstance(SB3Adapter(run_of(SB3["DQN"])), ResumableAdapter)
