"""Arrays of a wrong shape are refused where they come in, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from agents.functional import exploration, importance, losses, natural_gradient, returns
from textgen_env.checks import check_shape
from textgen_env.models.linear_distribution import Layer

N, T, V, H = 3, 4, 5, 2
WRONG = (N + 1, T + 1)


def array(*shape: int) -> Any:
    return np.ones(shape)


def tensor(*shape: int) -> Any:
    return torch.ones(shape)


LENGTHS = np.full(N, T)
REWARDS, VALUES = array(N, T), array(N, T)
LOGITS, LOG_PROBS, WRITTEN = tensor(N, T, V), tensor(N, T), torch.ones((N, T), dtype=torch.bool)
TOKENS = torch.ones((N, T), dtype=torch.int64)
LAYER = {"hidden": tensor(N, T, H), "weight": tensor(V, H), "bias": tensor(V)}
# A function, and its arrays by name; the three of a layer are handed over together.
CASES: dict[Callable[..., Any], dict[str, Any]] = {
    returns.written: {"lengths": LENGTHS},
    returns.reward_to_go: {"rewards": REWARDS, "lengths": LENGTHS},
    returns.whole_return: {"rewards": REWARDS, "lengths": LENGTHS},
    returns.no_baseline: {"returns": REWARDS},
    returns.constant_baseline: {"returns": REWARDS},
    returns.batch_mean_baseline: {"returns": REWARDS, "lengths": LENGTHS},
    returns.scaled_to_unit: {"advantages": REWARDS, "lengths": LENGTHS},
    returns.gae: {"rewards": REWARDS, "values": VALUES, "lengths": LENGTHS},
    returns.n_step_returns: {"rewards": REWARDS, "values": VALUES, "lengths": LENGTHS},
    returns.leave_one_out_baseline: {"returns": array(4)},
    returns.group_relative_advantages: {"returns": array(4)},
    returns.grouped: {"returns": array(4)},
    importance.trajectory_weights: {"log_ratios": REWARDS, "lengths": LENGTHS},
    importance.decision_weights: {"log_ratios": REWARDS, "lengths": LENGTHS},
    importance.clipped: {"weights": REWARDS},
    importance.self_normalised: {"weights": REWARDS, "lengths": LENGTHS},
    importance.off_policy_credit: {"rewards": REWARDS, "weights": VALUES, "lengths": LENGTHS},
    importance.weighted_mean_baseline: {"credit": REWARDS, "weights": VALUES, "lengths": LENGTHS},
    importance.effective_share: {"weights": array(N)},
    losses.log_probs_and_entropies: {**LAYER, "tokens": TOKENS, "written": WRITTEN},
    losses.policy_gradient_loss: {"log_probs": LOG_PROBS, "advantages": LOG_PROBS, "written": WRITTEN},
    losses.entropy: {"entropies": LOG_PROBS, "written": WRITTEN},
    losses.value_loss: {"values": LOG_PROBS, "returns": LOG_PROBS, "written": WRITTEN},
    losses.cross_entropy: {**LAYER, "tokens": TOKENS, "written": WRITTEN},
    losses.ppo_clip_loss: {
        "log_probs": LOG_PROBS,
        "old_log_probs": LOG_PROBS,
        "advantages": LOG_PROBS,
        "written": WRITTEN,
    },
    losses.surrogate_loss: {
        "log_probs": LOG_PROBS,
        "old_log_probs": LOG_PROBS,
        "advantages": LOG_PROBS,
        "written": WRITTEN,
    },
    losses.clipped_value_loss: {
        "values": LOG_PROBS,
        "old_values": LOG_PROBS,
        "returns": LOG_PROBS,
        "written": WRITTEN,
    },
    losses.approximate_kl: {"log_probs": LOG_PROBS, "old_log_probs": LOG_PROBS, "written": WRITTEN},
    losses.clip_fraction: {"log_probs": LOG_PROBS, "old_log_probs": LOG_PROBS, "written": WRITTEN},
    losses.policy_kl: {**LAYER, "written": WRITTEN},
    losses.kl_from_itself: {**LAYER, "written": WRITTEN},
    losses.huber_loss: {"values": LOG_PROBS, "targets": LOG_PROBS, "written": WRITTEN},
    losses.best_values: {"values": LOGITS, "chosen_by": LOGITS, "allowed": LOGITS > 0},
    losses.masked_logits: {"logits": LOGITS, "allowed": LOGITS > 0},
    natural_gradient.conjugate_gradient: {"b": tensor(N)},
    natural_gradient.longest_step: {"direction": tensor(N)},
    natural_gradient.line_search: {"start": tensor(N), "step": tensor(N)},
    exploration.greedy: {"values": REWARDS, "allowed": REWARDS > 0},
    exploration.epsilon_greedy: {"values": REWARDS, "allowed": REWARDS > 0},
    exploration.boltzmann: {"values": REWARDS, "allowed": REWARDS > 0},
}
# What else they are called with.
OTHERS: dict[Callable[..., Any], dict[str, Any]] = {
    returns.written: {"horizon": T},
    returns.constant_baseline: {"value": 1.0},
    returns.n_step_returns: {"n": 2},
    returns.leave_one_out_baseline: {"group_size": 2},
    returns.group_relative_advantages: {"group_size": 2},
    returns.grouped: {"group_size": 2},
    importance.clipped: {"most": 5.0},
    importance.off_policy_credit: {"per_decision": True},
    losses.ppo_clip_loss: {"clip": 0.2},
    losses.clipped_value_loss: {"clip": 0.2},
    losses.clip_fraction: {"clip": 0.2},
    losses.policy_kl: {"old": Layer(**LAYER)},
    natural_gradient.conjugate_gradient: {"product": lambda v: v, "iterations": 2},
    natural_gradient.longest_step: {"product": lambda v: v, "max_kl": 0.1},
    natural_gradient.line_search: {"tried": lambda v: (0.0, 0.0), "loss": 1.0, "max_kl": 0.1},
    exploration.epsilon_greedy: {"epsilon": 0.1},
    exploration.boltzmann: {"temperature": 1.0},
}
# Arrays of any shape, which those after them share.
FREE = {(losses.best_values, "values"), (losses.masked_logits, "logits"), (natural_gradient.line_search, "start")} | {
    (function, "values") for function in (exploration.greedy, exploration.epsilon_greedy, exploration.boltzmann)
}


def called(function: Callable[..., Any], **arguments: Any) -> Any:
    if LAYER.keys() <= arguments.keys():
        arguments["layer"] = Layer(*(arguments.pop(name) for name in LAYER))
    return function(**arguments)


@pytest.mark.parametrize("function", CASES, ids=lambda function: function.__name__)
def test_wrong_shapes_are_refused_by_name(function: Callable[..., Any]) -> None:
    arrays, others = CASES[function], OTHERS.get(function, {})
    called(function, **arrays, **others)
    for name, right in arrays.items():
        if (function, name) in FREE:
            continue
        for shape in ((*right.shape, 2), tuple(right.shape[:-1])):
            wrong = right.new_ones(shape) if isinstance(right, torch.Tensor) else np.ones(shape, right.dtype)
            with pytest.raises(ValueError, match=rf"has shape \({', '.join(map(str, shape))},?\), expected") as caught:
                called(function, **{**arrays, name: wrong}, **others)
            assert str(caught.value).split()[0] in arrays


def test_every_public_function_of_arrays_is_among_the_cases() -> None:
    scalar = {"scheduled", "flat", "assign", "fisher_vector_product", "checked_masks", "check_texts"}
    for module in (returns, importance, losses, natural_gradient, exploration):
        public = {
            name
            for name, each in vars(module).items()
            if callable(each) and getattr(each, "__module__", "") == module.__name__ and not name.startswith("_")
            if not isinstance(each, type)
        }
        assert public - scalar == {each.__name__ for each in CASES if each.__module__ == module.__name__}


def test_scalars_and_vectors_of_parameters() -> None:
    weights = [torch.ones(2, 2, requires_grad=True)]
    with pytest.raises(ValueError, match=r"kl has shape \(1,\), expected \(\)"):
        natural_gradient.fisher_vector_product(weights[0].sum().reshape(1), weights)
    with pytest.raises(ValueError, match=r"vector has shape \(3,\), expected \(4,\)"):
        natural_gradient.assign(weights, torch.ones(3))


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_a_letter_stands_for_any_size(make: Callable[..., Any]) -> None:
    assert check_shape("x", make((2, 3)), ("N", 3)) == (2, 3)
    assert check_shape("x", make(()), ()) == ()
    for expected, said in ((("N",), r"\(N,\)"), (("N", 4), r"\(N, 4\)"), (("N", "T", 3), r"\(N, T, 3\)")):
        with pytest.raises(ValueError, match=rf"^x has shape \(2, 3\), expected {said}$"):
            check_shape("x", make((2, 3)), expected)
