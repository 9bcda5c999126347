"""Fisher information, conjugate gradient and line search against the matrices themselves."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.exact import exact_gradient, network_logits, policy_table
from agents.functional.natural_gradient import (
    assign,
    conjugate_gradient,
    fisher_vector_product,
    flat,
    line_search,
    longest_step,
)
from agents.policy_gradient.natural import estimate, fisher
from agents.policy_gradient.npg import NPG, NPGConfig
from support.gradient_estimates import sampled, standard_errors_off, unequal
from textgen_env.solve import TextMDP, occupancy

SMALL: dict[str, Any] = {"embedding_size": 2, "hidden_size": 3}
CELLS = ("gru", "lstm")


def positive_definite(size: int) -> torch.Tensor:
    root = torch.randn(size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return root @ root.T + 0.1 * torch.eye(size, dtype=torch.float64)


def small_agent(num_envs: int, cell: Any = "gru", **kwargs: Any) -> tuple[Any, TextMDP, NPG]:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3)
    config = NPGConfig(**SMALL, cell=cell, **kwargs)
    return envs, TextMDP.of(envs), unequal(NPG(envs, config, seed=0))


def exact_fisher(agent: NPG, mdp: TextMDP) -> np.ndarray:
    """sum_s d(s) sum_a pi(a|s) grad log pi(a|s) grad log pi(a|s)^T, (P, P), term by term."""
    policy = policy_table(agent, mdp)
    reached = occupancy(mdp, policy)
    log_probs = network_logits(agent.network, mdp, slice(None)).log_softmax(-1)
    parameters = agent.policy_parameters
    fisher = np.zeros((flat(parameters).numel(),) * 2)
    for state, token in np.argwhere(mdp.allowed):
        parts = torch.autograd.grad(log_probs[state, token], parameters, retain_graph=True, materialize_grads=True)
        score = flat(parts).double().numpy()
        fisher += reached[state] * policy[state, token] * np.outer(score, score)
    return fisher


def exact_kl(agent: NPG, mdp: TextMDP) -> torch.Tensor:
    """KL(pi_old || pi) of whole texts, differentiable, at pi = pi_old."""
    reached = torch.from_numpy(occupancy(mdp, policy_table(agent, mdp)))
    log_probs = network_logits(agent.network, mdp, slice(None)).log_softmax(-1)
    old = log_probs.detach()
    return ((old.exp() * (old - log_probs)).sum(1) * reached).sum()


def test_conjugate_gradient_solves_what_numpy_solves() -> None:
    matrix, b = positive_definite(8), torch.arange(8, dtype=torch.float64) - 3
    expected = np.linalg.solve(matrix.numpy(), b.numpy())
    np.testing.assert_allclose(conjugate_gradient(lambda v: matrix @ v, b, 30, 1e-24), expected, rtol=1e-8)
    steps = [0]

    def counted(v: torch.Tensor) -> torch.Tensor:
        steps[0] += 1
        return matrix @ v

    # In the norm of the matrix every step comes nearer (Nocedal and Wright 2006, theorem 5.2).
    errors = []
    for iterations in (0, 2, 5, 8):
        error = (conjugate_gradient(counted, b, iterations, 0.0) - torch.from_numpy(expected)).numpy()
        errors.append(error @ matrix.numpy() @ error)
    assert steps[0] == 2 + 5 + 8
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert (conjugate_gradient(counted, torch.zeros(8), 5) == 0).all()
    assert steps[0] == 15


@pytest.mark.parametrize("cell", CELLS)
def test_fisher_vector_products_are_those_of_the_matrix(cell: Any) -> None:
    _, mdp, agent = small_agent(2, cell)
    agent.network.double()
    fisher = exact_fisher(agent, mdp)
    product = fisher_vector_product(exact_kl(agent, mdp), agent.policy_parameters, 0.3)
    vectors = torch.randn(5, len(fisher), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for vector in vectors:
        np.testing.assert_allclose(product(vector), fisher @ vector.numpy() + 0.3 * vector.numpy(), atol=1e-9)
    assert np.abs(fisher).max() > 0.1


def test_the_natural_gradient_is_that_of_the_matrix() -> None:
    _, mdp, agent = small_agent(2)
    agent.network.double()
    critic = {id(parameter) for parameter in agent.network.value.parameters()}  # type: ignore[union-attr]
    parts = zip(agent.parameters, exact_gradient(agent, mdp), strict=True)
    gradient = flat([part for parameter, part in parts if id(parameter) not in critic])
    expected = np.linalg.solve(exact_fisher(agent, mdp) + 0.1 * np.eye(len(gradient)), gradient.numpy())
    product = fisher_vector_product(exact_kl(agent, mdp), agent.policy_parameters, 0.1)
    np.testing.assert_allclose(conjugate_gradient(product, gradient, 200, 1e-24), expected, atol=1e-7)
    # It is another direction than the gradient's.
    cosine = expected @ gradient.numpy() / np.linalg.norm(expected) / float(gradient.norm())
    assert 0 < cosine < 0.9


def test_what_texts_say_of_the_fisher_information_is_right_on_average() -> None:
    envs, mdp, agent = small_agent(128, damping=0.0)
    vector = torch.randn(flat(agent.policy_parameters).numel(), generator=torch.Generator().manual_seed(1))
    found = sampled(
        agent, envs, lambda episodes: fisher(agent, estimate(agent, episodes), 0.0)(vector).double().numpy(), 60
    )
    off, resolution = standard_errors_off(found, exact_fisher(agent, mdp) @ vector.double().numpy())
    assert off < 4
    assert resolution < 0.05


def test_the_longest_step_is_on_the_bound() -> None:
    matrix, direction = positive_definite(5), torch.ones(5, dtype=torch.float64)
    step = longest_step(lambda v: matrix @ v, direction, 0.02)
    assert float(step @ matrix @ step) / 2 == pytest.approx(0.02)
    assert (longest_step(lambda v: matrix @ v, 0 * direction, 0.02) == 0).all()


def tried(divergence_a_unit: float) -> Any:
    """Loss (x - 1)^2, divergence c x^2; NaN beyond 3."""
    return lambda x: (float((x - 1) ** 2) if x < 3 else float("nan"), divergence_a_unit * float(x**2))


@pytest.mark.parametrize(
    ("step", "divergence_a_unit", "found", "count"),
    [
        (1.0, 0.0, 1.0, 1),
        (1.6, 0.0, 1.6, 1),
        (2.0, 0.0, 1.0, 2),  # at 2 it is no better than at the start
        (4.0, 0.0, 1.0, 3),  # at 4 it is NaN
        (1.0, 0.5, 0.25, 3),  # 0.5 x^2 <= 0.1 from x = 0.447 on
        (-1.0, 0.0, 0.0, 4),
        (1.0, 1e9, 0.0, 4),
    ],
)
def test_line_search_takes_the_first_step_that_gains_within_the_bound(
    step: float, divergence_a_unit: float, found: float, count: int
) -> None:
    start = torch.zeros(())
    chosen = line_search(tried(divergence_a_unit), start, torch.tensor(step), 1.0, 0.1, backtracks=4, shrink=0.5)
    assert (float(chosen[0]), chosen[1]) == (pytest.approx(found), count)


def test_parameters_are_laid_out_flat_and_put_back() -> None:
    parameters = [torch.zeros(2, 3), torch.zeros(()), torch.zeros(4)]
    vector = torch.arange(11.0)
    assign(parameters, vector)
    assert torch.equal(flat(parameters), vector)
    assert parameters[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match=r"vector has shape \(10,\), expected \(11,\): the parameters' entries"):
        assign(parameters, vector[:10])
