"""A batch of texts: its tensors, and masks that are computed anew and never kept."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.baselines.uniform import Uniform
from agents.data import text_batch
from agents.data.episodes import play
from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.functional.losses import masked_logits
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.text_batches import forbids, masks_of
from textgen_env import BaseTask, TextGenVectorEnv

V, T = 4, 3
TOKENS, LENGTHS = np.array([[1, 2, 0], [3, 0, 4], [2, 2, 2], [0, 4, 4]]), np.array([3, 2, 3, 1])


def batch_of(**kwargs: Any) -> TextBatch:
    return TextBatch(TOKENS.copy(), LENGTHS.copy(), np.arange(12.0).reshape(4, 3), **kwargs)


def no_repeats(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    last = tokens[np.arange(len(tokens)), np.maximum(lengths - 1, 0)]
    return (np.arange(V) != last[:, None]) | (lengths == 0)[:, None]


def test_tensors_are_made_once() -> None:
    batch = batch_of(sources=np.array([[1], [2], [3], [4]]))
    assert batch.token_ids is batch.token_ids
    assert batch.source_ids is batch.source_ids
    assert batch.token_ids.tolist() == TOKENS.tolist()
    assert batch.written.sum(1).tolist() == LENGTHS.tolist()
    assert batch.to(torch.device("cpu")) is batch
    assert batch_of().source_ids is None
    assert len(batch) == 4


def test_some_of_the_texts_keep_all_that_is_known_of_them() -> None:
    batch = batch_of(source_rows=np.arange(4), given=np.array([0, 1, 2, 0]), greedy_returns=np.arange(4.0))
    some = batch.take(np.array([2, 0]))
    for name in ("tokens", "lengths", "rewards", "source_rows", "given", "greedy_returns"):
        np.testing.assert_array_equal(getattr(some, name), getattr(batch, name)[[2, 0]])
    assert some.sources is None
    assert some.written.tolist() == batch.written[[2, 0]].tolist()


def test_errors_say_what_batch_it_is() -> None:
    assert str(batch_of()) == "4 texts of 1 to 3 tokens, returns 3 to 30, mean 16.5"
    assert str(batch_of(scored=False)) == "4 training texts of 1 to 3 tokens"


@pytest.mark.parametrize("entries", [1, 25, 10_000])
def test_masks_are_those_of_the_prefixes_in_chunks_of_any_size(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_batch, "CHUNK_MASKS", entries)
    masks = masks_of(batch_of(allowed_tokens=no_repeats, given=np.array([0, 1, 2, 0])), V)
    for text, (length, given) in enumerate(zip(LENGTHS, [0, 1, 2, 0], strict=True)):
        for t in range(T):
            expected = [not given <= t < length or t == 0 or token != TOKENS[text, t - 1] for token in range(V)]
            assert masks[text, t].tolist() == expected
    assert masks_of(batch_of(), V).all()
    assert masks_of(batch_of(allowed_tokens=lambda tokens, lengths: None), V).all()


@pytest.mark.parametrize("given", [None, np.array([0, 1, 2, 0])])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_what_is_forbidden_where_tokens_were_written(size: int, given: np.ndarray | None) -> None:
    """Of any rows of the tokens written, text by text: the masks' opposite."""
    batch = batch_of(allowed_tokens=no_repeats, given=given)
    expected = ~masks_of(batch, V)[batch.written.numpy()]
    rule = batch.forbidden(V)
    assert rule is not None
    found = [rule(slice(begun, begun + size)) for begun in range(0, len(expected), size)]
    np.testing.assert_array_equal(torch.cat([each for each in found if each is not None]).numpy(), expected)
    assert expected.any()
    assert batch_of().forbidden(V) is None
    silent = batch_of(allowed_tokens=lambda tokens, lengths: None).forbidden(V)
    assert silent is not None
    assert silent(slice(0, 2)) is None


@pytest.mark.parametrize("entries", [1, 10_000])
def test_logits_and_their_gradients_are_those_of_masks_that_are_kept(
    entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_batch, "CHUNK_MASKS", entries)
    batch = batch_of(allowed_tokens=no_repeats)
    kept = torch.from_numpy(masks_of(batch, V))
    found = []
    for mask in (batch.masked_logits, lambda logits: masked_logits(logits, kept)):
        values = torch.randn(4, T, V, generator=torch.Generator().manual_seed(0), requires_grad=True)
        masked = mask(values * values)
        (first,) = torch.autograd.grad(masked.softmax(-1).square().sum(), values, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), values)
        found.append((masked.detach(), first.detach(), second))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)


def test_no_masks_of_a_batch_are_kept_between_playing_and_the_step() -> None:
    """V at each token are many times the batch itself."""
    vocab_size, horizon, rows = 2_000, 16, 32
    envs = gym.make_vec(
        "TextGen-Oracle-v0", num_envs=rows, vocab_size=vocab_size, max_length=horizon, train_size=1, test_size=1
    )
    rule = forbids(7, vocab_size)
    agent = Reinforce(envs, ReinforceConfig(embedding_size=2, hidden_size=2))
    masks = rows * horizon * vocab_size
    played = play(Uniform(envs).predict, envs, np.ones(rows, np.int64))
    played = replace(played, tokens=np.where(played.tokens == 7, 8, played.tokens), allowed_tokens=rule)
    saved: list[torch.Tensor] = []
    tracemalloc.start()
    with torch.autograd.graph.saved_tensors_hooks(lambda each: saved.append(each) or each, lambda each: each):  # type: ignore[func-returns-value]
        terms = agent.losses(played)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < masks / 4, "NumPy holds as much as masks would"
    assert saved
    assert all(each.numel() < masks for each in saved), "the graph of the loss holds masks or logits"
    assert agent.gradient_step(agent.total_loss(terms), terms)


def test_playing_keeps_no_masks(no_repeat_task: BaseTask) -> None:
    envs = TextGenVectorEnv(no_repeat_task, lambda tokens, lengths, sources=None: lengths.astype(float), 6)
    played = play(Uniform(envs).predict, envs, np.full(6, 5), masked=True)
    assert played.allowed_tokens is not None
    arrays = [each for each in vars(played).values() if isinstance(each, np.ndarray)]
    assert all(each.dtype != np.bool_ and each.ndim < 3 for each in arrays)


class Other(gym.vector.VectorEnv[Any, Any, Any]):
    """A vector environment of texts that is no game of ours: each text ends after three tokens."""

    def __init__(self) -> None:
        self.num_envs, self.metadata = 2, {"autoreset_mode": gym.vector.AutoresetMode.DISABLED}
        self.single_observation_space = spaces.Box(0, V, (T,), np.int64)
        self.single_action_space = spaces.Discrete(V)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        self.tokens = np.full((2, T), V)
        return self.tokens.copy(), {}

    def step(self, actions: Any) -> Any:
        position = int((self.tokens[0] != V).sum())
        self.tokens[:, position] = actions
        ended = np.full(2, position + 1 == T)
        return self.tokens.copy(), np.ones(2), ended, np.zeros(2, np.bool_), {}


def test_any_vector_environment_is_played_where_no_masks_are_asked_for() -> None:
    envs = Other()
    played = play(lambda observation, *_: (np.array([1, 2]), None), envs, np.ones(2, np.int64))
    assert played.tokens.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert played.returns.tolist() == [3, 3]
    envs.task = gym.make("TextGen-Tiny-v0").unwrapped.task  # type: ignore[attr-defined]
    assert TextSpec.from_envs(envs) == TextSpec(V, T, envs.task.vocabulary.eos_id)  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="must be an environment of texts"):
        play(lambda observation, *_: (np.array([1, 2]), None), envs, np.ones(2, np.int64), masked=True)
