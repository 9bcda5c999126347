"""Natural gradients: products with the Fisher information without its matrix, linear equations without an inverse, and
steps within a bound on how far the policy moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from textgen_env.checks import check_shape

Product = Callable[[Tensor], Tensor]
"""From v (P,) to A v (P,), A symmetric and positive definite."""


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """All their entries, one tensor after the other (P,)."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


@torch.no_grad()
def assign(parameters: Sequence[Tensor], vector: Tensor) -> None:
    """Puts the entries of `vector` (P,) where `flat` took them from.

    Raises:
        ValueError: more or fewer entries.
    """
    sizes = [parameter.numel() for parameter in parameters]
    if vector.shape != (sum(sizes),):
        raise ValueError(f"vector has shape {tuple(vector.shape)}, expected ({sum(sizes)},): the parameters' entries")
    for parameter, part in zip(parameters, torch.split(vector, sizes), strict=True):
        parameter.copy_(part.view_as(parameter))


def fisher_vector_product(kl: Tensor, parameters: Sequence[Tensor], damping: float = 0.0) -> Product:
    """v -> (F + damping I) v, F the Hessian of `kl` with respect to the parameters.

    Where kl = KL(pi_old || pi) and pi = pi_old, F is the Fisher information of the policy: sum_s d(s) sum_a pi(a|s)
    grad log pi(a|s) grad log pi(a|s)^T for a kl that sums the states by d(s) (Kakade 2002, equation 2; Schulman et al.
    2015, appendix C). A product costs two passes backward; the matrix, of P^2 entries, is never formed.

    Args:
        kl: () as `agents.functional.losses.kl_from_itself` has it, at the parameters as they stand.
        parameters: P entries in all.
        damping: >= 0; above 0 there is an inverse, whatever the policy does not depend on.
    """
    check_shape("kl", kl, ())
    gradient = flat(torch.autograd.grad(kl, parameters, create_graph=True, materialize_grads=True))

    def product(vector: Tensor) -> Tensor:
        along = gradient @ vector
        second = torch.autograd.grad(along, parameters, retain_graph=True, materialize_grads=True)
        return flat(second) + damping * vector

    return product


def conjugate_gradient(product: Product, b: Tensor, iterations: int, tolerance: float = 1e-10) -> Tensor:
    """x (P,) with A x = b, nearly: after `iterations` steps, or fewer when |b - A x|^2 <= `tolerance` |b|^2 (Hestenes
    and Stiefel 1952; Nocedal and Wright, "Numerical Optimization", 2006, algorithm 5.2)."""
    check_shape("b", b, ("P",))
    x = torch.zeros_like(b)
    residual, direction = b.clone(), b.clone()
    squared = residual @ residual
    enough = tolerance * squared
    for _ in range(iterations):
        if squared <= enough:
            break
        image = product(direction)
        rate = squared / (direction @ image)
        x = x + rate * direction
        residual = residual - rate * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return x


def longest_step(product: Product, direction: Tensor, max_kl: float) -> Tensor:
    """`direction` (P,), made as long as 1/2 x^T F x = max_kl allows (Schulman et al. 2015, appendix C); 0 stays 0."""
    check_shape("direction", direction, ("P",))
    curvature = direction @ product(direction)
    return direction * (2 * max_kl / curvature).sqrt() if curvature > 0 else torch.zeros_like(direction)


def line_search(
    tried: Callable[[Tensor], tuple[float, float]],
    start: Tensor,
    step: Tensor,
    loss: float,
    max_kl: float,
    backtracks: int = 10,
    shrink: float = 0.8,
) -> tuple[Tensor, int]:
    """The first of start + shrink^i step, i = 0, 1, ..., whose loss is below `loss` and whose divergence is at most
    `max_kl`; `start` if none of `backtracks` is (Schulman et al. 2015, appendix C). What is not finite is neither.

    Args:
        tried: from parameters (P,) to their loss and their divergence.
        start, step: (P,).
        loss: at the start.

    Returns:
        The parameters, and how many were tried.
    """
    check_shape("step", step, tuple(start.shape))
    for i in range(backtracks):
        parameters = start + shrink**i * step
        there, divergence = tried(parameters)
        if there < loss and divergence <= max_kl:
            return parameters, i + 1
    return start, backtracks
