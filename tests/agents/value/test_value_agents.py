"""All agents with values, tables and networks: one policy in every answer, saving, determinism, masks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats

from agents.data.episodes import evaluate, play
from agents.exact import policy_table
from agents.value.q_learning import QLearning, QLearningConfig
from support.games import share_copied, share_of_a
from support.value_agents import CONTROL, learned
from textgen_env import BaseTask, TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts, text_probabilities


@pytest.fixture(params=["tiny", "masked", "conditional"])
def new_envs(request: pytest.FixtureRequest, no_repeat_task: BaseTask, echo_task: BaseTask) -> Callable[[], Any]:
    """Environments of each kind of game, made anew."""
    games: dict[str, Any] = {
        "tiny": {"task": "tiny", "reward": "table", "max_length": 4},
        "masked": {"task": no_repeat_task, "reward": share_of_a, "min_length": 2},
        "conditional": {"task": echo_task, "reward": share_copied, "reward_mode": "dense"},
    }
    return lambda: TextGenVectorEnv(num_envs=4, **games[request.param])


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
    monkeypatch.setattr("agents.bases.value_agent.CHUNK_VALUES", 7 * mdp.vocab_size * mdp.tokens.shape[1])
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


def test_every_autoreset_mode_is_learned_in(make: Any) -> None:
    for mode in ("SameStep", "Disabled"):
        envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, autoreset_mode=mode)
        agent = make(envs).train(envs, 100)
        assert agent.updates > 0
        played = play(agent.predict, envs, np.ones(4, np.int64))
        assert np.isfinite(agent.log_prob(played.tokens, played.lengths)).all()
