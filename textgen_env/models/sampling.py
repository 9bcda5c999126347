"""Sampling of tokens from logits."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from textgen_env.kernels import kernels


def seeded_generator(*seeds: int) -> torch.Generator:
    """A generator on the CPU whose seed is hashed from whole numbers >= 0 of any size: torch's own have 64 bits, and
    neighbouring ones are not meant to be independent."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0]))


def sample_categorical(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One token id a row, drawn from softmax(logits).

    Args:
        logits: (B, V) float; -inf forbids a token.
        generator: on any device; a float64 number is drawn for each row.

    Returns:
        (B,) int64.

    Raises:
        FloatingPointError: a row with NaN or +inf.
        ValueError: a row without a token that is allowed.
    """
    uniforms = torch.rand(len(logits), generator=generator, device=generator.device, dtype=torch.float64)
    return inverse_softmax(logits, uniforms.to(logits.device))


def runs_compiled(tensor: Tensor) -> bool:
    """Whether the kernels take it: float32 on the CPU."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32


def all_finite(logits: Tensor) -> bool:
    """Whether there is neither an infinity nor a NaN among the logits."""
    # One pass without a copy; a sum may overflow though no term is infinite.
    return math.isfinite(float(logits.detach().sum())) or bool(torch.isfinite(logits).all())


@torch.no_grad()
def inverse_softmax(logits: Tensor, uniforms: Tensor) -> Tensor:
    """The token of each row at which the distribution function of softmax(logits) passes a number: the first k with
    uniform * sum_j w_j < sum_{j <= k} w_j, w = exp(logits - max), summed up in float64.

    The sums are taken on two levels, blocks of tokens and the tokens of one block, so that only one block of each row
    is summed up in turn.

    Args:
        logits: (B, V) float; -inf forbids a token.
        uniforms: (B,) float64 in [0, 1), on the same device.

    Returns:
        (B,) int64.

    Raises:
        FloatingPointError: a row with NaN or +inf.
        ValueError: a row without a token that is allowed.
    """
    compiled = kernels("softmax") if runs_compiled(logits) else None
    if compiled is None:
        tokens = _inverse_on_two_levels(logits, uniforms)
        wrong = int((tokens < 0).nonzero()[0]) if bool((tokens < 0).any()) else -1
    else:
        tokens = torch.empty(len(logits), dtype=torch.int64)
        wrong = compiled.draw(logits.contiguous().numpy(), uniforms.contiguous().numpy(), tokens.numpy())
    if wrong >= 0:
        largest = logits[wrong].amax().item()
        # Masks that leave nothing are the caller's mistake; NaN and +inf are what a model has come to.
        kind = ValueError if largest == -math.inf else FloatingPointError
        raise kind(
            f"logits[{wrong}] has no token to draw: it must be numbers or -inf, not all -inf; its maximum is {largest}"
        )
    return tokens


def _inverse_on_two_levels(logits: Tensor, uniforms: Tensor) -> Tensor:
    """As `inverse_softmax`; -1 for a row without a token to draw."""
    batch_size, vocab_size = logits.shape
    width = _block_width(vocab_size)
    count = -(-vocab_size // width)
    weights = (logits - logits.amax(-1, keepdim=True)).exp_()
    if count * width > vocab_size:
        weights = F.pad(weights, (0, count * width - vocab_size))
    blocks = weights.view(batch_size, count, width)
    # float64: the sums of thousands of weights would round the rare tokens away.
    block_ends = blocks.sum(-1, dtype=torch.float64).cumsum(-1)  # (B, count)
    point = _inside(uniforms.unsqueeze(1) * block_ends[:, -1:], block_ends)
    block = torch.searchsorted(block_ends, point, right=True).clamp(max=count - 1)  # (B, 1)
    before = torch.where(block > 0, block_ends.gather(1, (block - 1).clamp(min=0)), 0.0)
    row = torch.arange(batch_size, device=logits.device)
    token_ends = blocks[row, block.squeeze(1)].double().cumsum(-1)  # (B, width)
    token = torch.searchsorted(token_ends, _inside(point - before, token_ends), right=True)
    return torch.where(block_ends[:, -1:] > 0, block * width + token, -1).squeeze(1)


def _block_width(vocab_size: int) -> int:
    """About sqrt(V); a divisor of V where one is near, as filling up the last block costs a copy of all weights."""
    root = math.isqrt(vocab_size - 1) + 1
    return next((width for width in range(root, 2 * root) if vocab_size % width == 0), root)


def _inside(point: Tensor, ends: Tensor) -> Tensor:
    """`point` (B, 1), kept below the last of `ends` (B, K): one rounded up to it would fall past the last token
    that is possible."""
    last = ends[:, -1:]
    return torch.minimum(point, torch.nextafter(last, torch.zeros_like(last)))
