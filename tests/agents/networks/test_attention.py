"""Attention is its papers' equations; whatever a policy with it is asked, by steps or at once, it says the same."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from agents.baselines.tempered import Tempered, TemperedConfig
from agents.data.episodes import play
from agents.data.text_spec import TextSpec
from agents.imitation.mle import MLE, MLEConfig
from agents.imitation.scheduled_sampling import ScheduledSampling, ScheduledSamplingConfig
from agents.networks.attention import SCORES, Attention, Score
from agents.networks.encoders import SourceEncoder
from agents.networks.policy_network import PolicyNetwork
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.games import share_copied
from textgen_env import BaseTask, SourceTable, TextGenVectorEnv, Texts, Vocabulary
from textgen_env.tasks.base import pad

CELLS = ("lstm", "gru", "transformer")
SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6, "layers": 1, "heads": 2}
SPEC = TextSpec(vocab_size=6, max_length=5, eos_id=0, source_vocab_size=4, source_length=3)
SOURCES = torch.tensor([[0, 1, 2], [3, 4, 4], [2, 2, 4], [4, 4, 4]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def attention_of(score: Score, size: int = 6) -> Attention:
    attention = Attention(score, size).double()
    with torch.no_grad():
        for number, parameter in enumerate(attention.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=10 + number))
    return attention


def by_the_equations(
    attention: Attention, hidden: torch.Tensor, outputs: torch.Tensor, lengths: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N, T, S) and joined states (N, T, H), row by row, token by token, of the source's tokens alone."""
    matrices = {name.removesuffix(".weight"): tensor.numpy() for name, tensor in attention.state_dict().items()}
    weights, joined = np.zeros((*hidden.shape[:2], outputs.shape[1])), np.zeros(hidden.shape)
    for n, t in itertools.product(*map(range, hidden.shape[:2])):
        h, scores = hidden[n, t].numpy(), []
        for s in outputs[n, : lengths[n]].numpy():
            if attention.score == "dot":
                scores.append(h @ s)
            elif attention.score == "general":
                scores.append(h @ matrices["query"].T @ s)
            else:
                scores.append(matrices["score_vector"][0] @ np.tanh(matrices["query"] @ h + matrices["key"] @ s))
        chances = np.exp(scores) / np.exp(scores).sum()
        weights[n, t, : lengths[n]] = chances
        context = chances @ outputs[n, : lengths[n]].numpy()
        joined[n, t] = np.tanh(matrices["join"] @ np.concatenate([context, h]))
    return weights, joined


@pytest.mark.parametrize("score", SCORES)
@torch.no_grad()
def test_weights_and_joining_are_those_of_the_equations(score: Score) -> None:
    attention = attention_of(score)
    hidden, outputs = normal(3, 4, 6, seed=1), normal(3, 5, 6, seed=2)
    lengths = [5, 1, 3]
    present = torch.arange(5) < torch.tensor(lengths)[:, None]
    memory = attention.memory(outputs, present)
    assert len(memory) == attention.memory_parts
    weights, joined = by_the_equations(attention, hidden, outputs, lengths)
    np.testing.assert_allclose(attention.weights(hidden, memory), weights, rtol=1e-9)
    np.testing.assert_allclose(attention(hidden, memory), joined, rtol=1e-9)
    # What stands where the source is blank changes nothing.
    other = attention.memory(outputs.masked_fill(~present.unsqueeze(2), 9.0), present)
    np.testing.assert_allclose(attention(hidden, other), joined, rtol=1e-9)


@torch.no_grad()
def test_the_dots_context_is_torchs_scaled_dot_product_attention() -> None:
    attention = attention_of("dot")
    hidden, outputs = normal(3, 4, 6, seed=1), normal(3, 5, 6, seed=2)
    present = torch.arange(5) < torch.tensor([5, 1, 3])[:, None]
    expected = F.scaled_dot_product_attention(hidden, outputs, outputs, present.unsqueeze(1), scale=1.0)
    found = attention.weights(hidden, attention.memory(outputs, present)) @ outputs
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@torch.no_grad()
def test_the_encoder_is_torchs_layer_on_each_source_alone(cell: Any) -> None:
    encoder = PolicyNetwork(SPEC, 4, 6, cell, generator()).encoder
    assert isinstance(encoder, SourceEncoder)
    layer = (nn.LSTM if cell == "lstm" else nn.GRU)(4, 6, batch_first=True)
    layer.load_state_dict(encoder.rnn.state_dict())
    source = encoder.read(SOURCES)
    for row, length in enumerate((3, 1, 2, 1)):
        outputs, last = layer(encoder.embedding(SOURCES[row : row + 1, :length]))
        torch.testing.assert_close(source.outputs[row, :length], outputs[0])
        assert source.present[row].tolist() == [position < length for position in range(3)]
        for found, expected in zip(source.handed_over, last if cell == "lstm" else (last,), strict=True):
            torch.testing.assert_close(found[row], expected[0, 0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("score", SCORES)
def test_steps_equal_reading_at_once_and_every_parameter_learns(score: Score, cell: Any) -> None:
    policy = PolicyNetwork(SPEC, 8, 12, cell, generator(), True, score, 1, 2)
    tokens = torch.randint(6, (4, 5), generator=generator(1))
    tokens[1, 3:] = 6
    hidden = policy.hidden(tokens, SOURCES)
    at_once, weights = policy.logits(hidden), policy.attention_weights(tokens, SOURCES)
    assert weights.shape == (4, 5, 3)
    torch.testing.assert_close(weights.sum(2), torch.ones(4, 5))
    torch.testing.assert_close(weights[3], torch.tensor([1.0, 0.0, 0.0]).expand(5, 3))
    state, last = policy.begin(4, SOURCES), policy.start(4)
    for t in range(5):
        logits, state = policy.step(last, state)
        torch.testing.assert_close(logits, at_once[:, t])
        last = tokens[:, t]
    (at_once.square().sum() + (policy.values(hidden) - 1).square().sum()).backward()
    for name, parameter in policy.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("score", SCORES)
def test_soft_tokens_are_read_as_whole_ones_are_and_every_parameter_learns(score: Score, cell: Any) -> None:
    policy = PolicyNetwork(SPEC, 8, 12, cell, generator(), attention=score)
    state = soft = policy.begin(4, SOURCES)
    for token in (policy.start(4), torch.tensor([0, 3, 5, 1])):
        state = policy.advance(token, state)
        soft = policy.decoder.advance_soft(F.one_hot(token, 7).float(), soft)
        for found, expected in zip(soft, state, strict=True):
            torch.testing.assert_close(found, expected)
    policy.logits(soft[0]).square().sum().backward()
    for name, parameter in policy.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def decided(agent: Any) -> Any:
    """The agent with output weights so large that its tokens are far from equally likely."""
    with torch.no_grad():
        weights = agent.network.decoder.output.weight
        weights.copy_(3 * torch.randn(weights.shape, generator=generator(5)))
    return agent


def echo_envs(echo_task: BaseTask, num_envs: int = 4) -> TextGenVectorEnv:
    return TextGenVectorEnv(echo_task, share_copied, num_envs)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("score", ["dot", "additive"])
def test_predict_sample_and_log_prob_are_one_policy(score: Any, cell: Any, echo_task: Any) -> None:
    envs = echo_envs(echo_task, 6)
    agent = decided(MLE(envs, MLEConfig(**SMALL, cell=cell, attention=score)))
    chosen: list[np.ndarray] = []

    def predict(*args: Any) -> Any:
        tokens, state = agent.predict(*args)
        with torch.no_grad():
            chances = agent.network.logits(torch.from_numpy(state[0])).log_softmax(-1).numpy()
        chosen.append(chances[np.arange(6), tokens])
        return tokens, state

    played = play(predict, envs, np.ones(6, np.int64))
    carried = [sum(each[row] for each in chosen[: played.lengths[row]]) for row in range(6)]
    np.testing.assert_allclose(
        carried, agent.log_prob(played.tokens, played.lengths, played.sources), atol=1e-5, rtol=1e-5
    )
    texts = [[*word, 0] for n in range(4) for word in itertools.product((1, 2, 3), repeat=n)]
    texts += [list(word) for word in itertools.product((1, 2, 3), repeat=4)]
    tokens, lengths, _ = pad(texts, 4, 4)
    every = [agent.log_prob(tokens, lengths, np.tile(source, (len(tokens), 1))) for source in ([0, 1, 2], [1, 3, 3])]
    np.testing.assert_allclose(np.exp(every).sum(1), 1, atol=1e-5)
    assert np.abs(np.exp(every[0]) - np.exp(every[1])).max() > 0.01
    drawn = agent.sample(4_000, np.tile([0, 1, 2], (4_000, 1)))
    likeliest = int(every[0].argmax())
    share, chance = (drawn.tokens == tokens[likeliest]).all(1).mean(), np.exp(every[0][likeliest])
    assert abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / 4_000)


@pytest.mark.parametrize(
    ("kind", "config"),
    [(MLE, MLEConfig), (ScheduledSampling, ScheduledSamplingConfig), (Reinforce, ReinforceConfig)],
)
def test_any_agent_takes_it_and_goes_on_bit_for_bit(kind: Any, config: Any, echo_task: Any, tmp_path: Path) -> None:
    envs = echo_envs(echo_task)
    agent = kind(envs, config(**SMALL, attention="general", batch_size=8), seed=1).train(envs, 100)
    agent.save(tmp_path / "agent")
    loaded = kind.load(tmp_path / "agent")
    assert loaded.config == agent.config
    agent.train(envs, 100)
    loaded.train(echo_envs(echo_task), 100)
    other = loaded.network.state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in agent.network.state_dict().items())
    tempered = Tempered(envs, TemperedConfig(**SMALL, attention="general"))
    tempered.initialise_from(agent)
    assert tempered.adopted
    with pytest.raises(ValueError, match=r"its network differs in attention='general'; give this agent the same"):
        Tempered(envs, TemperedConfig(**SMALL, attention="dot")).initialise_from(agent)


def test_what_has_no_source_is_not_looked_at() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    for cell in CELLS:
        with pytest.raises(ValueError, match=r"attention='dot' looks at a source.*attention='none'.*NumberWords"):
            MLE(envs, MLEConfig(cell=cell, attention="dot"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="attention='bilinear' must be one of 'none', 'dot', 'general', 'additive'"):
        MLEConfig(attention="bilinear")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="attention='none': this network looks at no source token"):
        PolicyNetwork(SPEC, 4, 6, "gru", generator()).attention_weights(torch.zeros(4, 5, dtype=torch.int64), SOURCES)
    with pytest.raises(ValueError, match="sources=None: attention looks at a source"):
        PolicyNetwork(SPEC, 4, 6, "gru", generator(), attention="dot").begin(2, None)


class CopyTask(BaseTask):
    """Conditional: write the source, 8 letters of 6, of which there are too many to learn by heart."""

    def __init__(self) -> None:
        letters = list("abcdef")
        self.vocabulary, self.max_length = Vocabulary(letters, separator=""), 8
        words = np.random.default_rng(0).integers(0, 6, (2_200, 8))
        self.sources = SourceTable(Vocabulary(letters, separator=""), words, np.arange(2_000))
        self._texts = Texts(words, np.full(2_200, 8), np.arange(2_200))

    def training_sequences(self) -> Texts:
        return Texts(*(part[:2_000] for part in self._texts))

    def test_sequences(self) -> Texts:
        return Texts(*(part[2_000:] for part in self._texts))


def test_copying_is_learned_sooner_with_attention() -> None:
    task = CopyTask()
    envs = TextGenVectorEnv(task, share_copied)
    tokens, lengths, rows = task.test_sequences()

    def nll(attention: Any) -> float:
        config = MLEConfig(embedding_size=16, hidden_size=32, attention=attention, learning_rate=0.01, batch_size=32)
        agent = MLE(envs, config, seed=0).train(envs, 60_000)
        return float(-agent.log_prob(tokens, lengths, task.sources.tokens[rows]).sum() / lengths.sum())

    without = nll("none")
    assert {score: nll(score) < without - 0.3 for score in SCORES} == dict.fromkeys(SCORES, True)
