"""What all agents with values share, tables and networks: one policy in every answer, saving, determinism, masks."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats

from agents.base import Agent
from agents.deep_sarsa import DeepSarsa, DeepSarsaConfig
from agents.dqn import DQN, DQNConfig
from agents.exact import policy_table
from agents.mc_prediction import MCPrediction, MCPredictionConfig
from agents.q_learning import QLearning, QLearningConfig
from agents.reinforce import Reinforce
from agents.rollout import evaluate, play
from agents.sarsa import Sarsa, SarsaConfig
from agents.td_prediction import TDPrediction, TDPredictionConfig
from games import share_copied, share_of_a
from textgen_env import BaseTask, TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts, text_probabilities

EXPLORES: dict[str, Any] = {
    "batch_size": 8,
    "exploration_schedule": "linear",
    "exploration_start": 1.0,
    "exploration_end": 0.3,
    "exploration_tokens": 400,
}
SMALL: dict[str, Any] = {**EXPLORES, "embedding_size": 4, "hidden_size": 6, "learning_rate": 0.05}
REPLAYS: dict[str, Any] = {"replay_capacity": 30, "learning_starts": 8, "target_period": 3}
CONTROL: dict[str, tuple[Any, Any]] = {
    "q_learning": (QLearning, QLearningConfig(**EXPLORES)),
    "sarsa": (Sarsa, SarsaConfig(**EXPLORES)),
    "dqn": (DQN, DQNConfig(**SMALL, **REPLAYS)),
    "double_dqn": (
        DQN,
        DQNConfig(**SMALL, **REPLAYS, double=True, n_step=2, target_rate=0.5, loss="square", cell="lstm"),
    ),
    "deep_sarsa": (DeepSarsa, DeepSarsaConfig(**SMALL, exploration="boltzmann", learning_rate_half_life=300)),
}
PREDICTION: dict[str, tuple[Any, Any]] = {
    "mc_prediction": (MCPrediction, MCPredictionConfig(batch_size=8)),
    "td_prediction": (TDPrediction, TDPredictionConfig(batch_size=8, trace_decay=0.5)),
}
AGENTS = CONTROL | PREDICTION


@pytest.fixture(params=AGENTS)
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Each agent in turn, of the envs and a seed."""
    kind, config = AGENTS[request.param]
    return lambda envs, seed=0: kind(envs, config, seed)


@pytest.fixture(params=["tiny", "masked", "conditional"])
def new_envs(request: pytest.FixtureRequest, no_repeat_task: BaseTask, echo_task: BaseTask) -> Callable[[], Any]:
    """Environments of each kind of game, made anew."""
    games: dict[str, Any] = {
        "tiny": {"task": "tiny", "reward": "table", "max_length": 4},
        "masked": {"task": no_repeat_task, "reward": share_of_a, "min_length": 2},
        "conditional": {"task": echo_task, "reward": share_copied, "reward_mode": "dense"},
    }
    return lambda: TextGenVectorEnv(num_envs=4, **games[request.param])


def learned(agent: Any) -> dict[str, torch.Tensor]:
    """All that it keeps."""
    tensors = {"generator": agent.generator.get_state(), "sampling_generator": agent.sampling_generator.get_state()}
    if hasattr(agent, "network"):
        tensors |= {f"network.{name}": tensor.clone() for name, tensor in agent.network.state_dict().items()}
    for name in getattr(agent, "tables", ()):
        tensors[name] = torch.from_numpy(getattr(agent, name).copy())
    if hasattr(agent, "replay"):
        tensors |= {f"replay.{name}": tensor.clone() for name, tensor in agent.replay.state_dict().items()}
        tensors |= {f"target.{name}": tensor.clone() for name, tensor in agent.target_network.state_dict().items()}
    return tensors


def same(first: Any, second: Any) -> bool:
    ours, theirs = learned(first), learned(second)
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_a_loaded_agent_goes_on_bit_for_bit(make: Any, new_envs: Any, tmp_path: Path) -> None:
    envs = new_envs()
    agent = make(envs, 1).train(envs, 150)
    agent.save(tmp_path / "agent")
    loaded = type(agent).load(tmp_path / "agent")
    assert (loaded.spec, loaded.config) == (agent.spec, agent.config)
    for name in type(agent).counters:
        assert getattr(loaded, name) == getattr(agent, name)
    assert same(agent, loaded)
    agent.train(envs, 150)
    assert not same(agent, loaded)
    loaded.train(new_envs(), 150)
    assert same(agent, loaded)


def test_training_in_parts_is_training_at_once(make: Any, new_envs: Any) -> None:
    at_once, in_parts = make(new_envs()).train(new_envs(), 200), make(new_envs())
    while in_parts.tokens_generated < 200:
        in_parts.train(new_envs(), 1)
    assert same(at_once, in_parts)


def test_same_seed_same_values_and_no_global_randomness(make: Any, new_envs: Any) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    first, again, other = (make(new_envs(), seed).train(new_envs(), 200) for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert random.getstate() == before[2]


def test_looking_at_an_agent_does_not_change_how_it_learns(make: Any, new_envs: Any) -> None:
    envs = new_envs()
    watched, alone = make(envs), make(envs)
    observation, _ = new_envs().reset(seed=0)
    watched.train(envs, 200, lambda progress: watched.predict(observation) and None)
    alone.train(envs, 200)
    torch.testing.assert_close(watched.generator.get_state(), alone.generator.get_state())
    assert not torch.equal(watched.sampling_generator.get_state(), alone.sampling_generator.get_state())
    watched.sampling_generator.set_state(alone.sampling_generator.get_state())
    assert same(watched, alone)


def test_nothing_forbidden_is_ever_written(make: Any, no_repeat_task: BaseTask) -> None:
    """The environment refuses it; and what is forbidden has no chance, however good its value."""
    envs = TextGenVectorEnv(no_repeat_task, share_of_a, 8, min_length=2)
    mdp = TextMDP.of(envs)
    agent = make(envs).train(envs, 400)
    evaluate(agent.predict, envs, 50, masked=True)
    evaluate(agent.predict, envs, 8, deterministic=True, masked=True)
    table = policy_table(agent, mdp)
    assert (table[~mdp.allowed] == 0).all()
    assert (table[mdp.allowed] > 0).all()
    # In every state, drawn and best.
    for deterministic in (False, True):
        chosen, _ = agent.predict(mdp.tokens, deterministic=deterministic, action_masks=mdp.allowed)
        assert mdp.allowed[np.arange(mdp.num_states), chosen].all()
    masked = agent.masked_probabilities(mdp.tokens, mdp.lengths, None, mdp.allowed)
    np.testing.assert_allclose(table, masked, atol=1e-12)


def test_every_answer_means_one_policy(make: Any, new_envs: Any) -> None:
    """`predict`, `log_prob` and the table of the game, of the policy at the end of its exploration."""
    envs = new_envs()
    agent = make(envs, 2).train(envs, 150)
    mdp = TextMDP.of(envs)
    texts = all_texts(mdp)
    sources = None if mdp.sources is None else envs.task.sources.take(texts.sources).tokens
    if mdp.allowed.all():
        start = 1.0 if mdp.sources is None else mdp.start[0]
        exact = text_probabilities(mdp, policy_table(agent, mdp)) / start
        said = np.exp(agent.log_prob(texts.tokens, texts.lengths, sources))
        np.testing.assert_allclose(said, exact, rtol=1e-4)
    states = np.repeat(np.arange(3), 4_000)
    observation: Any = mdp.tokens[states]
    if mdp.sources is not None:
        observation = {"source": mdp.sources.tokens[states], "tokens": observation}
    chosen, _ = agent.predict(observation, action_masks=mdp.allowed[states])
    for state, chances in enumerate(policy_table(agent, mdp)[:3]):
        counts = np.bincount(chosen[states == state], minlength=mdp.vocab_size)
        assert not counts[chances == 0].any()
        # NaN where there is but one token.
        assert not stats.chisquare(counts[chances > 0], 4_000 * chances[chances > 0]).pvalue < 1e-4
    best, _ = agent.predict(observation, deterministic=True, action_masks=mdp.allowed[states])
    np.testing.assert_array_equal(best, policy_table(agent, mdp)[states].argmax(1))


def test_texts_are_sampled_as_often_as_log_prob_says(make: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, vocab_size=3, max_length=3)
    agent = make(envs).train(envs, 200)
    texts = envs.unwrapped.task.all_texts()
    expected = np.exp(agent.log_prob(texts.tokens, texts.lengths)) * 5_000
    assert expected.sum() == pytest.approx(5_000)
    drawn = agent.sample(5_000)
    index = {tuple(text): i for i, text in enumerate(texts.tokens.tolist())}
    observed = np.bincount([index[tuple(text)] for text in drawn.tokens.tolist()], minlength=len(expected))
    np.testing.assert_array_equal(envs.unwrapped.task.vocabulary.lengths(drawn.tokens), drawn.lengths)
    common = expected > 5
    observed, expected = (np.append(each[common], each[~common].sum()) for each in (observed, expected))
    assert stats.chisquare(observed[expected > 0], expected[expected > 0]).pvalue > 1e-4


def test_chunks_change_nothing(make: Any, new_envs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    envs = new_envs()
    agent = make(envs).train(envs, 100)
    mdp = TextMDP.of(envs)
    texts = all_texts(mdp)
    sources = None if mdp.sources is None else envs.task.sources.take(texts.sources).tokens
    whole = agent.log_prob(texts.tokens, texts.lengths, sources), policy_table(agent, mdp)
    monkeypatch.setattr("agents.value_policy.CHUNK_VALUES", 7 * mdp.vocab_size * mdp.tokens.shape[1])
    parts = agent.log_prob(texts.tokens, texts.lengths, sources), policy_table(agent, mdp)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-12)


def test_a_conditional_agent_samples_for_its_sources(make: Any, echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 4)
    agent = make(envs).train(envs, 100)
    assert echo_task.sources is not None
    sources = echo_task.sources.tokens[:7]
    drawn = agent.sample(7, sources)
    assert drawn.tokens.shape == (7, 4)
    assert np.isfinite(agent.log_prob(drawn.tokens, drawn.lengths, sources)).all()
    observation = {"source": sources[0], "tokens": np.full(4, 4)}
    assert agent.predict(observation)[0].shape == ()
    assert agent.predict(observation, action_masks=np.array([False, False, True, False]))[0] == 2


def test_progress_and_stopping(make: Any, new_envs: Any) -> None:
    envs = new_envs()
    agent = make(envs)
    seen: list[Any] = []
    assert agent.train(envs, 200, seen.append) is agent
    counted = [progress.tokens_generated for progress in seen]
    assert counted == sorted(set(counted))
    assert counted[-2] < 200 <= counted[-1] == agent.tokens_generated
    assert np.isfinite([progress.mean_return for progress in seen]).all()
    assert all(isinstance(value, float) and np.isfinite(value) for each in seen for value in each.losses.values())
    assert seen[-1].losses
    agent.train(envs, 10_000, lambda progress: False)
    assert agent.updates == (len(seen) + 1) * getattr(agent.config, "updates_per_batch", 1)


@pytest.mark.parametrize("name", CONTROL)
def test_the_schedule_counts_all_tokens_of_its_training(name: str) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    kind, config = CONTROL[name]
    agent = kind(envs, config)
    assert agent.exploration == 1.0
    agent.tokens_generated = 200
    assert agent.exploration == pytest.approx(0.65)
    agent.tokens_generated = 10_000
    assert agent.exploration == 0.3


def test_what_a_greedy_policy_never_writes_has_no_chance() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = QLearning(envs, QLearningConfig(exploration_end=0.0), seed=0).train(envs, 2_000)
    best = agent.sample(1)
    found = agent.log_prob([best.tokens[0], [1, 0, 4, 4, 4], [0, 4, 4, 4, 4]])
    np.testing.assert_array_equal(found, [0, -np.inf, -np.inf])


def test_learning_plays_with_more_exploration_than_is_shown() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2_000)
    agent = QLearning(envs, QLearningConfig(exploration_end=0.0), seed=0)
    agent.values[0] = [0.0, 1.0, 3.0, 2.0]
    observation, _ = envs.reset()
    assert (agent.predict(observation)[0] == 2).all()
    counts = np.bincount(agent.explore(observation)[0], minlength=4)
    assert np.abs(counts - 500).max() < 100


def test_rewards_that_are_not_finite_are_named_before_anything_is_learned(make: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = make(envs).train(envs, 100)
    before = {name: tensor for name, tensor in learned(agent).items() if not name.endswith("generator")}
    gather, updates = agent.gather, agent.updates

    def spoilt(*args: Any) -> Any:
        episodes = gather(*args)
        rewards = np.where(np.arange(len(episodes.rewards))[:, None] == 3, np.nan, np.clip(episodes.rewards, -1, 2))
        rewards[0, :2] = [-1, 2]
        return replace(episodes, rewards=rewards)

    agent.gather = spoilt
    said = (
        rf"{type(agent).__name__}: the reward of token 0 of text 3 is nan in update {updates + 1}; of the batch's 40 "
        r"rewards 5 are not finite, the others lie in \[-1, 2\]; look at"
    )
    with pytest.raises(FloatingPointError, match=said):
        agent.train(envs, 100)
    after = learned(agent)
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert agent.updates == updates


@pytest.mark.parametrize("name", CONTROL)
def test_values_that_are_not_finite_are_named(name: str) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    kind, config = CONTROL[name]
    agent = kind(envs, config)
    if hasattr(agent, "network"):
        with torch.no_grad():
            agent.network.decoder.output.bias[0] = float("nan")
    else:
        agent.values[0, 0] = np.inf
    with pytest.raises(FloatingPointError, match=f"{kind.__name__}: its values are not finite after 0 updates; make"):
        agent.train(envs, 100)
    assert agent.tokens_generated == 0


def test_agents_follow_the_protocol_and_refuse_other_texts(make: Any, echo_task: BaseTask) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = make(envs, 3)
    assert isinstance(agent, Agent)
    kind = type(agent)
    with pytest.raises(ValueError, match="was made for"):
        agent.train(TextGenVectorEnv(echo_task, share_copied, 4), 100)
    with pytest.raises(ValueError, match="total_tokens=0"):
        agent.train(envs, 0)
    with pytest.raises(TypeError, match="make_vec"):
        kind(gym.make("TextGen-Tiny-v0"))
    with pytest.raises(ValueError, match="seed=-1"):
        kind(envs, seed=-1)
    with pytest.raises(TypeError, match=f"must be a {kind.config_class.__name__}"):
        kind(envs, Reinforce.config_class())
    with pytest.raises(ValueError, match="device='cuda:99'"):
        kind(envs, device="cuda:99")
    with pytest.raises(ValueError, match="n=0"):
        agent.sample(0)
    with pytest.raises(ValueError, match=r"expected prefixes \(K, 5\)"):
        agent.action_probabilities(np.full((2, 4), 4), np.zeros(2, np.int64))
    blank = np.full((2, 5), 4)
    with pytest.raises(ValueError, match=r"expected prefixes \(K, 5\) and \(K,\) lengths from 0 to 4"):
        agent.values_after(blank, np.array([0, 5]))
    with pytest.raises(ValueError, match="action_masks: row 1 allows no token"):
        agent.predict(blank, action_masks=np.array([[True] * 4, [False] * 4]))
    with pytest.raises(ValueError, match="unconditional"):
        agent.log_prob([[1, 2]], None, [[0]])


def test_saved_agents_that_do_not_fit_together_are_refused(make: Any, tmp_path: Path) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = make(envs).train(envs, 100)
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match=f"holds a {type(agent).__name__}, not a Reinforce"):
        Reinforce.load(tmp_path / "agent")
    if hasattr(agent, "tables"):
        agent.values = agent.values[1:]
        said = r"values is float64 \(120.*\), expected float64 \(121"
    elif hasattr(agent, "replay"):
        agent.replay.added -= 1
        agent.replay.capacity = agent.replay.added
        state = agent.replay.state_dict
        agent.replay.state_dict = lambda: {**state(), "added": torch.tensor(1)}
        said = r"replay: tokens is int64 \(.*\), expected int64 \(1, 5\)"
    else:
        agent.network.decoder.output = torch.nn.Linear(6, 5)
        said = "size mismatch"
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match=rf"(?s)holds a {type(agent).__name__} that does not fit together: .*{said}"):
        type(agent).load(tmp_path / "agent")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"discount": 1.1}, ValueError),
        ({"step_size": 0}, ValueError),
        ({"step_size": 1.5}, ValueError),
        ({"step_size_power": -0.1}, ValueError),
        ({"step_size_power": "1"}, TypeError),
        ({"exploration_tokens": 0}, ValueError),
        ({"exploration_end": 2.0}, ValueError),
        ({"embedding_size": 0}, ValueError),
        ({"hidden_size": 1.5}, TypeError),
        ({"n_step": 0}, ValueError),
        ({"cell": "rnn"}, ValueError),
        ({"loss": "l1"}, ValueError),
        ({"learning_rate": 0}, ValueError),
        ({"max_grad_norm": -1}, ValueError),
        ({"learning_rate_half_life": 0}, ValueError),
        ({"double": 1}, TypeError),
        ({"replay_capacity": 0}, ValueError),
        ({"learning_starts": 0}, ValueError),
        ({"learning_starts": 31}, ValueError),
        ({"updates_per_batch": 0}, ValueError),
        ({"target_period": 0}, ValueError),
        ({"target_rate": 0.0}, ValueError),
        ({"target_rate": 1.1}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    configs = [replace(config, exploration="epsilon_greedy") if hasattr(config, "exploration") else config
               for _, config in AGENTS.values() if hasattr(config, name)]  # fmt: skip
    assert configs
    for config in configs:
        with pytest.raises(error, match=name):
            replace(config, **changes)


def test_a_table_too_large_is_refused() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=2, train_size=1, test_size=1)
    for kind in (QLearning, TDPrediction):
        with pytest.raises(ValueError, match=r"envs: a table over all prefixes .* such as agents\.dqn\.DQN"):
            kind(envs)


def test_every_autoreset_mode_is_learned_in(make: Any) -> None:
    for mode in ("SameStep", "Disabled"):
        envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, autoreset_mode=mode)
        agent = make(envs).train(envs, 100)
        assert agent.updates > 0
        played = play(agent.predict, envs, np.ones(4, np.int64))
        assert np.isfinite(agent.log_prob(played.tokens, played.lengths)).all()
