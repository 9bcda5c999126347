"""Roll-outs continue prefixes as the policy would, and their mean is the exact value of what comes next."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.adversarial.rollouts import RollOuts, action_values, roll_out
from agents.data.text_spec import TextSpec
from agents.networks.policy_network import PolicyNetwork
from textgen_env.kernels import SWITCH

V, T = 3, 4


def policy(seed: int = 0, cell: Any = "lstm", attention: Any = "none", **spec: Any) -> PolicyNetwork:
    """A small network that prefers some tokens, and rules out none."""
    generator = torch.Generator().manual_seed(seed)
    network = PolicyNetwork(TextSpec(V, T, **spec), 8, 8, cell, generator, attention=attention)
    with torch.no_grad():
        network.decoder.output.weight.mul_(60)
    return network


def log_prob(network: PolicyNetwork, tokens: np.ndarray, sources: np.ndarray | None = None) -> np.ndarray:
    """log pi(x_t | x_<t) of whole texts (N, T), without `draw` and `advance`."""
    with torch.no_grad():
        given = None if sources is None else torch.from_numpy(sources)
        logits = network.logits(network.hidden(torch.from_numpy(tokens), given)).double()
    return logits.log_softmax(-1).gather(2, torch.from_numpy(tokens).unsqueeze(2)).squeeze(2).numpy()


def exact_value(network: PolicyNetwork, score: Any, prefix: tuple[int, ...]) -> float:
    """E[score | prefix], summed over every continuation; `score` reads no further than a text's end."""
    rest = T - len(prefix)
    texts = np.array([(*prefix, *tail) for tail in itertools.product(range(V), repeat=rest)])
    chances = np.exp(log_prob(network, texts)[:, len(prefix) :].sum(1))
    assert chances.sum() == pytest.approx(1)
    return float((chances * score(texts)).sum())


@pytest.mark.parametrize(("cell", "compiled"), [("lstm", True), ("lstm", False), ("transformer", True)])
def test_the_estimate_is_unbiased_on_tiny(cell: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Q(s, a) is within 4 standard errors of exact enumeration, and the mean error of all is near 0."""
    if not compiled:
        monkeypatch.setenv(SWITCH, "0")
    env = gym.make("TextGen-Tiny-v0", vocab_size=V, max_length=T).unwrapped
    network = policy(cell=cell)
    texts = np.array([[1, 2, 1, 0], [2, 2, 1, 1]])
    lengths = np.array([T, T])
    end = env.task.vocabulary.eos_id
    assert end == 0
    rollouts = roll_out(network, texts, lengths, 4_000, torch.Generator().manual_seed(1), end)
    scores = env.score(rollouts.tokens, rollouts.lengths)
    values = action_values(rollouts, scores, env.score(texts), lengths, T)
    for b, t in itertools.product(range(2), range(1, T)):
        mine = scores[(rollouts.texts == b) & (rollouts.cuts == t)]
        assert len(mine) == 4_000
        assert values[b, t - 1] == pytest.approx(mine.mean())
        exact = exact_value(network, env.score, tuple(texts[b, :t]))
        assert abs(values[b, t - 1] - exact) < 4 * mine.std() / np.sqrt(len(mine))
    np.testing.assert_allclose(values[:, -1], env.score(texts))


def test_every_proper_prefix_is_continued_from_where_it_ends() -> None:
    rng = np.random.default_rng(0)
    network = policy(eos_id=0)
    lengths = np.array([4, 1, 3, 2, 4])
    texts = rng.integers(1, V, (5, T))
    texts[np.arange(T) >= lengths[:, None]] = V
    rollouts = roll_out(network, texts, lengths, 7, torch.Generator().manual_seed(0), eos_id=0)
    expected = {(b, cut) for b in range(5) for cut in range(1, lengths[b])}
    found = list(zip(rollouts.texts.tolist(), rollouts.cuts.tolist(), strict=True))
    assert sorted(found) == sorted(7 * [*expected])
    written = 0
    for (b, cut), tokens, length in zip(found, rollouts.tokens, rollouts.lengths, strict=True):
        assert (tokens[:cut] == texts[b, :cut]).all()
        assert (tokens[length:] == V).all()
        assert (tokens[: length - 1] != 0).all(), "nothing follows an end token"
        assert length == T or tokens[length - 1] == 0
        written += length - cut
    assert rollouts.tokens_written == written


@pytest.mark.parametrize(
    ("cell", "attention"), [("lstm", "none"), ("gru", "additive"), ("transformer", "none"), ("transformer", "general")]
)
def test_continuations_follow_the_policy(cell: str, attention: str) -> None:
    """The state carried from a prefix is the state of reading it: tail frequencies match exact conditionals."""
    sources = np.array([[0, 1], [2, 0]])
    network = policy(3, cell, attention, source_vocab_size=3, source_length=2)
    texts = np.array([[1, 0, 2, 2], [1, 0, 2, 2]])
    count = 20_000
    rollouts = roll_out(network, texts, np.array([T, T]), count, torch.Generator().manual_seed(2), sources=sources)
    for b, cut in itertools.product(range(2), (1, 2)):
        tails = np.array(list(itertools.product(range(V), repeat=T - cut)))
        whole = np.concatenate([np.tile(texts[b, :cut], (len(tails), 1)), tails], 1)
        chances = np.exp(log_prob(network, whole, np.tile(sources[b], (len(whole), 1)))[:, cut:].sum(1))
        mine = rollouts.tokens[(rollouts.texts == b) & (rollouts.cuts == cut)][:, cut:]
        counts = np.bincount(mine @ V ** np.arange(T - cut)[::-1], minlength=len(tails))
        chi_square = ((counts - count * chances) ** 2 / (count * chances)).sum()
        assert chi_square < len(tails) + 5 * np.sqrt(2 * len(tails))


def test_under_masks_the_other_tokens_share_the_chance() -> None:
    """Token 2 may not follow token 1, nor stand last."""

    def allowed(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        masks = np.ones((len(tokens), V), bool)
        masks[(tokens[np.arange(len(tokens)), lengths - 1] == 1) | (lengths == T - 1), 2] = False
        return masks

    network, count = policy(), 20_000
    texts = np.array([[1, 0, 2, 1]])
    rollouts = roll_out(network, texts, np.array([T]), count, torch.Generator().manual_seed(2), allowed=allowed)
    tails = np.array(list(itertools.product(range(V), repeat=T - 1)))
    whole = np.concatenate([np.ones((len(tails), 1), int), tails], 1)
    with torch.no_grad():
        logits = network.logits(network.hidden(torch.from_numpy(whole), None)).double().numpy()
    chances = np.ones(len(tails))
    for t in range(1, T):
        weights = np.exp(logits[:, t]) * allowed(whole, np.full(len(whole), t))
        chances *= weights[np.arange(len(whole)), whole[:, t]] / weights.sum(1)
    assert chances.sum() == pytest.approx(1)
    counts = np.bincount(rollouts.tokens[rollouts.cuts == 1][:, 1:] @ V ** np.arange(T - 1)[::-1], minlength=len(tails))
    assert not counts[chances == 0].any()
    possible = chances > 0
    chi_square = ((counts - count * chances)[possible] ** 2 / (count * chances[possible])).sum()
    assert chi_square < possible.sum() + 5 * np.sqrt(2 * possible.sum())


def test_texts_of_one_token_have_nothing_to_continue() -> None:
    rollouts = roll_out(policy(), np.array([[1, V, V, V]]), np.array([1]), 3, torch.Generator())
    assert len(rollouts.texts) == rollouts.tokens_written == 0
    values = action_values(rollouts, np.zeros(0), np.array([0.5]), np.array([1]), T)
    np.testing.assert_array_equal(values, [[0.5, 0, 0, 0]])


def test_values_stand_where_their_token_stands() -> None:
    rollouts = RollOuts(np.array([0, 1, 1, 0]), np.array([1, 1, 1, 2]), np.zeros((4, 3), int), np.full(4, 3), 0)
    values = action_values(rollouts, np.array([1.0, 2.0, 4.0, 8.0]), np.array([16.0, 32.0]), np.array([3, 2]), 3)
    np.testing.assert_array_equal(values, [[1, 8, 16], [3, 32, 0]])
