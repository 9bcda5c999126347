"""Loops split by hand: every row once, in order, with the settings of the caller, and torch's threads put back."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from textgen_env.models import linear_softmax
from textgen_env.models.language_model import LanguageModel
from textgen_env.models.linear_distribution import Layer, log_probs_and_entropies
from textgen_env.models.linear_softmax import linear_cross_entropy, softmax_entropies, token_log_probs
from textgen_env.models.threads import SMALL, allowed_threads, in_parts, one_thread, threads_for

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("count", "at_once"), [(0, 4), (1, 4), (4, 4), (5, 4), (12, 4), (13, 4), (100, 1), (7, 100)])
def test_every_row_is_worked_on_once_and_found_in_order(count: int, at_once: int) -> None:
    parts = in_parts(count, at_once, CPU, list)
    assert [row for part in parts for row in part] == list(range(count))
    assert len(parts) == max(1, min(3, -(-count // at_once)))
    assert all(part[0] % at_once == 0 for part in parts if part)


def test_parts_are_threads_of_their_own_with_one_of_torchs_each_and_are_not_split_again() -> None:
    settings = in_parts(
        3, 1, CPU, lambda part: (threading.get_ident(), torch.get_num_threads(), len(in_parts(9, 1, CPU, list)))
    )
    idents = [ident for ident, _, _ in settings]
    assert idents[0] == threading.get_ident() != idents[1]
    assert [rest for _, *rest in settings] == [[1, 1]] * 3
    assert torch.get_num_threads() == 3
    assert allowed_threads() == 3


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_parts_have_the_callers_gradients_and_inference_mode(gradients: bool, inference: bool) -> None:
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients):
        found = in_parts(3, 1, CPU, lambda part: (torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
    assert found == [(gradients, inference)] * 3


def test_one_thread_is_put_back_whatever_happens() -> None:
    with pytest.raises(ZeroDivisionError), one_thread():
        assert (torch.get_num_threads(), allowed_threads()) == (1, 3)
        with one_thread():
            assert (torch.get_num_threads(), allowed_threads()) == (1, 3)
        raise ZeroDivisionError
    assert (torch.get_num_threads(), allowed_threads()) == (3, 3)
    with pytest.raises(KeyError):
        in_parts(3, 1, CPU, lambda part: {}[part.start])
    assert (torch.get_num_threads(), allowed_threads()) == (3, 3)


def test_a_large_network_keeps_torchs_threads_and_an_accelerator_is_not_split() -> None:
    with threads_for(SMALL + 1, CPU):
        assert torch.get_num_threads() == 3
    with threads_for(SMALL, CPU):
        assert torch.get_num_threads() == 1
    with threads_for(SMALL, torch.device("meta")):
        assert torch.get_num_threads() == 3
    assert in_parts(100, 1, torch.device("meta"), len) == [100]


def _in_child(queue: Any) -> None:
    queue.put(in_parts(3, 1, CPU, lambda part: torch.get_num_threads()))


def test_a_forked_process_has_threads_of_its_own() -> None:
    in_parts(3, 1, CPU, list)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == [1, 1, 1]
    child.join()


def test_losses_and_gradients_are_those_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_softmax, "IN_CACHE", 5 * 11)
    generator = torch.Generator().manual_seed(0)
    hidden, weight, bias = (torch.randn(size, generator=generator) for size in ((43, 4), (11, 4), (11,)))
    tokens = torch.randint(11, (43,), generator=generator)

    def found() -> list[torch.Tensor]:
        leaves = [each.clone().requires_grad_() for each in (hidden, weight, bias)]
        loss = linear_cross_entropy(*leaves, tokens)
        loss.backward()
        log_probs, entropies = log_probs_and_entropies(Layer(*leaves), tokens)
        (log_probs.square().sum() + entropies.sum()).backward()
        read = token_log_probs(hidden, weight, bias, tokens), softmax_entropies(hidden, weight, bias)
        said = loss, log_probs, entropies, *read
        return [each.detach() for each in said] + [each.grad for each in leaves if each.grad is not None]

    split = found()
    torch.set_num_threads(1)
    for one, other in zip(split, found(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert len(split) == 8


def test_a_token_that_is_none_is_named_from_any_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_softmax, "IN_CACHE", 2 * 3)
    tokens = torch.zeros(20, dtype=torch.int64)
    tokens[18] = 3
    with pytest.raises(IndexError, match=r"tokens\[18\]=3 must be a token, 0 to 2"):
        token_log_probs(torch.zeros(20, 2), torch.zeros(3, 2), torch.zeros(3), tokens)


def test_a_models_texts_and_likelihoods_do_not_depend_on_threads() -> None:
    model = LanguageModel(5_000, 8, 8).initialise(torch.Generator().manual_seed(0), std=1.0)
    sampled = model.sample(500, 3, torch.Generator().manual_seed(1))
    said = model.log_probs(*sampled)
    torch.set_num_threads(1)
    again = model.sample(500, 3, torch.Generator().manual_seed(1))
    assert all(map(torch.equal, sampled, again))
    torch.testing.assert_close(said.detach(), model.log_probs(*sampled).detach(), rtol=1e-5, atol=1e-5)


def test_agents_leave_torchs_threads_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, train_size=20)
    seen: list[int] = []
    monkeypatch.setattr(
        Reinforce,
        "total_loss",
        lambda self, terms: (seen.append(torch.get_num_threads()), terms["policy"] - terms["entropy"])[1],
    )
    agent = Reinforce(envs, ReinforceConfig(embedding_size=3, hidden_size=4, batch_size=8))
    agent.train(envs, 50)
    large = Reinforce(envs, ReinforceConfig(embedding_size=3, hidden_size=SMALL + 1, batch_size=8))
    large.train(envs, 1)
    assert set(seen[:-1]) == {1}
    assert seen[-1] == 3
    learner = MLE(envs, MLEConfig(embedding_size=3, hidden_size=4))
    learner.train(envs, 50)
    learner.sample(3)
    learner.predict(envs.reset()[0])
    assert torch.get_num_threads() == 3
    assert np.isfinite(learner.log_prob([[1, 0, 0, 0, 0]], [2])).all()
