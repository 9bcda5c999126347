"""What all agents with a policy share: carried state, exact probabilities, saving, determinism."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats

from agents.actor_critic import ActorCritic, ActorCriticConfig
from agents.base import Agent
from agents.mle import MLE, MLEConfig
from agents.natural_policy_gradient import NaturalPolicyGradient, NaturalPolicyGradientConfig
from agents.networks import PolicyNetwork
from agents.policy_agent import PolicyAgent
from agents.ppo import PPO, PPOConfig
from agents.random import Random
from agents.reinforce import Reinforce, ReinforceConfig
from agents.rollout import play
from agents.soft_policy_gradient import SoftPolicyGradient, SoftPolicyGradientConfig
from agents.trpo import TRPO, TRPOConfig
from textgen_env import BaseTask, TextGenVectorEnv

CELLS = ("lstm", "gru", "transformer")
SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6, "heads": 2}
LEARNED = ReinforceConfig(**SMALL, batch_size=8, baseline="learned")
AGENTS = [
    (MLE, MLEConfig(**SMALL)),
    (Reinforce, LEARNED),
    (ActorCritic, ActorCriticConfig(**SMALL, batch_size=8)),
    (PPO, PPOConfig(**SMALL, batch_size=8, epochs=2, minibatches=2)),
    (NaturalPolicyGradient, NaturalPolicyGradientConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2)),
    (TRPO, TRPOConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2)),
    (SoftPolicyGradient, SoftPolicyGradientConfig(**SMALL, batch_size=8, baseline="learned")),
]


def flat(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    return lengths.astype(float)


def make_envs(task: BaseTask | None = None, num_envs: int = 4, **kwargs: Any) -> Any:
    if task is None:
        return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, **kwargs)
    return TextGenVectorEnv(task, flat, num_envs, **kwargs)


def decided(agent: Any) -> Any:
    """The agent with output weights so large that its tokens are far from equally likely."""
    with torch.no_grad():
        weights = agent.network.decoder.output.weight
        weights.copy_(torch.randn(weights.shape, generator=torch.Generator().manual_seed(5)))
    return agent


def imitator(envs: Any, cell: Any = "gru", seed: int = 0) -> Any:
    return decided(MLE(envs, MLEConfig(**SMALL, cell=cell), seed))


def weights_of(agent: Any) -> dict[str, torch.Tensor]:
    return {name: parameter.clone() for name, parameter in agent.network.state_dict().items()}


def same_weights(first: Any, second: Any) -> bool:
    other = weights_of(second)
    return all(torch.equal(parameter, other[name]) for name, parameter in weights_of(first).items())


@pytest.fixture(params=["unconditional", "conditional"])
def task(request: pytest.FixtureRequest, echo_task: BaseTask) -> BaseTask | None:
    return echo_task if request.param == "conditional" else None


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_carried_state_says_what_log_prob_says(task: BaseTask | None, cell: str, mode: str) -> None:
    envs = make_envs(task, 6, autoreset_mode=mode)
    agent = imitator(envs, cell, seed=2)
    chosen: list[tuple[np.ndarray, np.ndarray]] = []

    def predict(*args: Any) -> Any:
        tokens, state = agent.predict(*args)
        with torch.no_grad():
            log_probs = agent.network.logits(torch.from_numpy(state[0])).log_softmax(-1).numpy()
        chosen.append((args[2], log_probs[np.arange(6), tokens]))
        return tokens, state

    played = play(predict, envs, np.ones(6, np.int64))
    # Each row's first text: the chances of the tokens chosen until it ended, multiplied.
    carried = [sum(log_prob[row] for _, log_prob in chosen[: played.lengths[row]]) for row in range(6)]
    at_once = agent.log_prob(played.tokens, played.lengths, played.sources)
    np.testing.assert_allclose(carried, at_once, atol=1e-5)
    assert len(set(played.lengths)) > 1


def test_predict_costs_one_step_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=3, train_size=1, test_size=1)
    agent = imitator(envs)
    steps: list[int] = []
    step = PolicyNetwork.step
    monkeypatch.setattr(PolicyNetwork, "step", lambda *args: (steps.append(len(args[1])), step(*args))[1])
    play(agent.predict, envs, np.full(3, 2))
    assert steps == [3] * 21  # ten tokens, the step that resets, ten tokens


@pytest.mark.parametrize("cell", CELLS)
def test_predict_is_right_whatever_the_state(task: BaseTask | None, cell: str) -> None:
    envs = make_envs(task, 5)
    agent = imitator(envs, cell)
    observation, _ = envs.reset(seed=0)
    _, stale = agent.predict(observation)
    carried = None
    for action in (1, 2, 3):
        tokens, carried = agent.predict(observation, carried, deterministic=True)
        anew, fresh = agent.predict(observation, None, deterministic=True)
        outdated, read = agent.predict(observation, stale, deterministic=True)
        np.testing.assert_array_equal(tokens, anew)
        np.testing.assert_array_equal(tokens, outdated)
        for one, two, three in zip(carried, fresh, read, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)
            np.testing.assert_allclose(one, three, atol=1e-6)
        observation = envs.step(np.full(5, action))[0]
    # Rows that swap their texts, or go back to a sibling of the last prefix, are read again.
    _, state = agent.predict(observation, carried)
    swapped = {k: v[::-1] for k, v in observation.items()} if isinstance(observation, dict) else observation[::-1]
    sibling = {k: v.copy() for k, v in swapped.items()} if isinstance(swapped, dict) else swapped.copy()
    (sibling["tokens"] if isinstance(sibling, dict) else sibling)[2, 2] = 1
    for other in (swapped, sibling):
        _, found = agent.predict(other, state)
        _, expected = agent.predict(other, None)
        for one, two in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_prefixes_of_unequal_length_are_read_as_each_alone(cell: str) -> None:
    agent = imitator(make_envs(), cell)
    prefixes = np.array([[1, 2, 3, 1, 2], [4, 4, 4, 4, 4], [3, 3, 4, 4, 4], [1, 0, 4, 4, 4], [2, 4, 4, 4, 4]])
    _, together = agent.predict(prefixes)
    for row in range(5):
        _, alone = agent.predict(prefixes[row : row + 1])
        for one, two in zip(together, alone, strict=True):
            np.testing.assert_allclose(one[row], two[0], atol=1e-6)


def test_episode_start_forgets_the_state() -> None:
    envs = make_envs()
    agent = imitator(envs)
    observation, _ = envs.reset()
    _, state = agent.predict(observation)
    observation = envs.step(np.array([1, 2, 3, 1]))[0]
    spoilt = (state[0] + 1, *state[1:])
    _, expected = agent.predict(observation)
    _, found = agent.predict(observation, spoilt, np.array([True, False, True, False]))
    np.testing.assert_allclose(found[0][::2], expected[0][::2], atol=1e-6)
    assert (np.abs(found[0] - expected[0])[1::2].max(1) > 0.01).all()


@pytest.mark.parametrize("kind", [MLE, Random])
def test_a_single_observation_gives_a_single_token(task: BaseTask | None, kind: Any) -> None:
    envs = make_envs(task)
    agent = kind(envs)
    observation = envs.single_observation_space.sample()
    token, state = agent.predict(observation)
    assert token.shape == ()
    assert token in envs.single_action_space
    assert agent.predict(observation, state)[0].shape == ()


@pytest.mark.parametrize("kind", [MLE, Random])
@pytest.mark.parametrize("deterministic", [False, True])
def test_predict_keeps_to_the_masks(kind: Any, deterministic: bool) -> None:
    envs = make_envs(num_envs=400)
    agent = kind(envs)
    observation, _ = envs.reset()
    masks = np.zeros((400, 4), np.bool_)
    masks[np.arange(400), np.arange(400) % 4] = True
    masks[:, 2] = True
    masks.flags.writeable = False
    chosen, _ = agent.predict(observation, deterministic=deterministic, action_masks=masks)
    assert masks[np.arange(400), chosen].all()
    assert deterministic or len(np.unique(chosen)) == 4


@pytest.mark.parametrize("cell", CELLS)
def test_texts_are_sampled_as_often_as_log_prob_says(cell: str) -> None:
    envs = make_envs()
    agent = imitator(envs, cell)
    texts = envs.unwrapped.task.all_texts()
    chances = np.exp(agent.log_prob(texts.tokens, texts.lengths))
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert chances.max() > 20 * np.median(chances)
    count = 20_000
    drawn = agent.sample(count)
    index = {tuple(text): i for i, text in enumerate(texts.tokens.tolist())}
    observed = np.bincount([index[tuple(text)] for text in drawn.tokens.tolist()], minlength=len(chances))
    np.testing.assert_array_equal(envs.unwrapped.task.vocabulary.lengths(drawn.tokens), drawn.lengths)
    rare = chances * count < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(chances[~rare], chances[rare].sum()) * count
    assert stats.chisquare(observed, expected * count / expected.sum()).pvalue > 1e-3


def test_texts_of_a_source_are_sampled_as_log_prob_says(echo_task: BaseTask) -> None:
    agent = imitator(make_envs(echo_task))
    assert echo_task.sources is not None
    for row in (0, 20):
        sources = np.repeat(echo_task.sources.tokens[row : row + 1], 5_000, 0)
        drawn = agent.sample(5_000, sources)
        texts, observed = np.unique(drawn.tokens, axis=0, return_counts=True)
        expected = np.exp(agent.log_prob(texts, None, sources[: len(texts)])) * 5_000
        common = expected > 5
        assert stats.chisquare(
            np.append(observed[common], 5_000 - observed[common].sum()),
            np.append(expected[common], 5_000 - expected[common].sum()),
        ).pvalue > 1e-3  # fmt: skip
    different = agent.log_prob(texts, None, np.repeat(echo_task.sources.tokens[:1], len(texts), 0))
    assert np.abs(np.exp(different) * 5_000 - expected).max() > 50


def test_large_batches_are_cut_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = imitator(make_envs())
    texts = agent.sample(50)
    whole = agent.log_prob(texts.tokens, texts.lengths)
    monkeypatch.setattr("agents.policy_agent.CHUNK_HIDDEN", 5 * 7)
    np.testing.assert_allclose(agent.log_prob(texts.tokens, texts.lengths), whole, atol=1e-5)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_a_loaded_agent_goes_on_bit_for_bit(kind: Any, config: Any, task: BaseTask | None, tmp_path: Path) -> None:
    envs = make_envs(task)
    agent = kind(envs, config, seed=1).train(envs, 300)
    agent.save(tmp_path / "agent")
    loaded = kind.load(tmp_path / "agent")
    assert (loaded.spec, loaded.config, loaded.updates) == (agent.spec, agent.config, agent.updates)
    assert (loaded.tokens_generated, loaded.tokens_read) == (agent.tokens_generated, agent.tokens_read)
    assert same_weights(agent, loaded)
    sources = None if task is None else task.sources.tokens[:9]  # type: ignore[union-attr]
    for one, two in zip(agent.sample(9, sources), loaded.sample(9, sources), strict=True):
        np.testing.assert_array_equal(one, two)
    agent.train(envs, 300)
    assert not same_weights(agent, loaded)
    loaded.train(make_envs(task), 300)
    assert same_weights(agent, loaded)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_training_in_parts_is_training_at_once(kind: Any, config: Any, task: BaseTask | None) -> None:
    def updated(agent: Any, updates: int) -> None:
        left = [updates]

        def goes_on(progress: object) -> bool:
            left[0] -= 1
            return left[0] > 0

        agent.train(make_envs(task), 10_000, goes_on)

    at_once, in_parts = kind(make_envs(task), config), kind(make_envs(task), config)
    updated(at_once, 5)
    for updates in (1, 3, 1):
        updated(in_parts, updates)
    assert at_once.updates == in_parts.updates
    assert same_weights(at_once, in_parts)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_same_seed_same_weights_and_no_global_randomness(kind: Any, config: Any, task: BaseTask | None) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    first, same, other = (kind(make_envs(task), config, seed).train(make_envs(task), 300) for seed in (0, 0, 1))
    assert same_weights(first, same)
    assert not same_weights(first, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert random.getstate() == before[2]


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_looking_at_an_agent_does_not_change_how_it_learns(kind: Any, config: Any) -> None:
    envs = make_envs()
    watched, alone = kind(envs, config), kind(envs, config)
    observation, _ = make_envs().reset()

    def look(progress: object) -> None:
        watched.predict(observation)
        watched.sample(3)

    watched.train(envs, 200, look)
    alone.train(envs, 200)
    assert same_weights(watched, alone)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_progress_and_stopping(kind: Any, config: Any) -> None:
    envs = make_envs()
    agent = kind(envs, config)
    seen: list[Any] = []
    assert agent.train(envs, 500, seen.append) is agent
    counted = [p.tokens_generated + p.tokens_read for p in seen]
    assert counted == sorted(set(counted))
    assert counted[-2] < 500 <= counted[-1]
    assert np.isnan(seen[-1].mean_return) == (kind is MLE)
    assert all(isinstance(value, float) for p in seen for value in p.losses.values())
    assert agent.updates % len(seen) == 0  # some take several steps on a batch
    updates: list[Any] = []
    agent.train(envs, 10_000, lambda progress: updates.append(progress) or len(updates) < 3)
    assert len(updates) == 3
    assert updates[0].tokens_generated + updates[0].tokens_read > counted[-1]


@pytest.mark.parametrize(
    ("agent", "module", "said"),
    [
        (
            MLE(make_envs(), MLEConfig(**SMALL)),
            "decoder.output",
            r"MLE: nll is nan in update 1; its batch: 64 training texts of 1 to 5 tokens; lower learning_rate=",
        ),
        (
            Reinforce(make_envs(), LEARNED),
            "value",
            r"Reinforce: value is nan in update 1; its batch: 8 texts of 1 to 5 tokens, returns \S+ to \S+, mean \S+; ",
        ),
        (Reinforce(make_envs(), LEARNED), "decoder.output", "Reinforce: the policy's logits are not finite"),
        (ActorCritic(make_envs()), "value", "ActorCritic: policy is nan in update 1; its batch: 64 texts of"),
        (PPO(make_envs(), PPOConfig(batch_size=8)), "value", "PPO: policy is nan in update 1; its batch: 8 texts of"),
    ],
)
def test_a_loss_that_is_not_finite_is_named_and_changes_nothing(agent: Any, module: str, said: str) -> None:
    with torch.no_grad():
        agent.network.get_submodule(module).bias[0] = float("nan")
    before = weights_of(agent)
    with pytest.raises(FloatingPointError, match=said):
        agent.train(make_envs(), 100)
    assert all(torch.equal(p.nan_to_num(), before[name].nan_to_num()) for name, p in weights_of(agent).items())
    assert agent.updates == 0


@pytest.mark.parametrize("kind", [MLE, Reinforce, Random])
def test_agents_follow_the_protocol_and_refuse_other_texts(kind: Any, echo_task: BaseTask) -> None:
    agent = kind(make_envs(), seed=3)
    assert isinstance(agent, Agent)
    with pytest.raises(ValueError, match="was made for"):
        agent.train(make_envs(echo_task), 100)
    with pytest.raises(TypeError, match="make_vec"):
        kind(gym.make("TextGen-Tiny-v0"))
    with pytest.raises(ValueError, match="no `task`"):
        kind(gym.make_vec("TextGen-Tiny-v0", vectorization_mode="sync"))
    with pytest.raises(TypeError, match="Discrete token ids"):
        kind(gym.make_vec("Pendulum-v1"))
    for total in (0, 1.5):
        with pytest.raises((TypeError, ValueError), match="total_tokens"):
            agent.train(make_envs(), total)
    with pytest.raises(ValueError, match="seed=-1"):
        kind(make_envs(), seed=-1)


def test_a_config_of_another_agent_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a MLEConfig"):
        MLE(make_envs(), ReinforceConfig())


def test_wrong_texts_sources_and_observations_are_refused(echo_task: BaseTask) -> None:
    for kind in (MLE, Random):
        agent, conditional = kind(make_envs()), kind(make_envs(echo_task))
        with pytest.raises(ValueError, match="ids 0 to 3"):
            agent.log_prob([[1, 7]])
        with pytest.raises(ValueError, match="unconditional"):
            agent.log_prob([[1, 2]], None, [[0]])
        with pytest.raises(ValueError, match="sources=None"):
            conditional.sample(2)
        with pytest.raises(ValueError, match=r"shape \(1, 3\), expected \(2, 3\)"):
            conditional.sample(2, [[0, 1, 2]])
        with pytest.raises(TypeError, match="whole numbers"):
            conditional.sample(1, [[0.5, 1, 2]])
        with pytest.raises(ValueError, match="ids 0 to 3"):
            conditional.sample(1, [[0, 1, 9]])
        with pytest.raises(ValueError, match="n=0"):
            agent.sample(0)
        with pytest.raises(TypeError, match="array of token ids"):
            agent.predict({"tokens": np.zeros((2, 5), np.int64)})
        with pytest.raises(TypeError, match="dict of 'source' and 'tokens'"):
            conditional.predict(np.zeros((2, 4), np.int64))
        with pytest.raises(ValueError, match=r"shape \(2, 3\), expected \(N, 5\)"):
            agent.predict(np.zeros((2, 3), np.int64))
        with pytest.raises(TypeError, match="float64"):
            agent.predict(np.zeros((2, 5)))
        with pytest.raises(ValueError, match="0 to 4"):
            agent.predict(np.full((2, 5), 5))
    agent = MLE(make_envs())
    _, state = agent.predict(np.full((2, 5), 4))
    with pytest.raises(ValueError, match="state=None"):
        agent.predict(np.full((3, 5), 4), state)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"hidden_size": 0}, ValueError),
        ({"batch_size": 1.5}, TypeError),
        ({"cell": "rnn"}, ValueError),
        ({"learning_rate": 0}, ValueError),
        ({"learning_rate": float("nan")}, ValueError),
        ({"learning_rate": "0.1"}, TypeError),
        ({"max_grad_norm": -1}, ValueError),
        ({"discount": 1.1}, ValueError),
        ({"credit": "all"}, ValueError),
        ({"baseline": None}, ValueError),
        ({"entropy_weight": -0.1}, ValueError),
        ({"entropy_half_life": 0}, ValueError),
        ({"value_weight": float("inf")}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    configs = [config for _, config in AGENTS if hasattr(config, name)]
    assert configs
    for config in configs:
        with pytest.raises(error, match=name):
            replace(config, **changes)


def test_a_policy_without_what_this_one_needs_is_not_adopted() -> None:
    envs = make_envs()
    with pytest.raises(ValueError, match=r"its network lacks value\.bias, value\.weight; adopt one that has it"):
        Reinforce(envs, LEARNED).adopt(MLE(envs, MLEConfig(**SMALL)))


def test_policy_agent_alone_names_no_config() -> None:
    with pytest.raises(AttributeError, match="config_class"):
        PolicyAgent(make_envs())
