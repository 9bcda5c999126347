"""Drawing tokens from logits."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def seeded_generator(*seeds: int) -> torch.Generator:
    """A generator on the CPU whose seed is hashed from whole numbers >= 0 of any size: torch's own have 64 bits, and
    neighbouring ones are not meant to be independent."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0]))


def sample_categorical(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One token id a row, drawn from softmax(logits) by inverting its distribution function on two levels: first
    a block of about sqrt(V) tokens, then a token within it, so that only one block of each row is summed up in turn.

    Args:
        logits: (B, V) float; -inf forbids a token.
        generator: on the device of `logits`.

    Returns:
        (B,) int64.
    """
    batch_size, vocab_size = logits.shape
    width = _block_width(vocab_size)
    count = -(-vocab_size // width)
    weights = (logits - logits.amax(-1, keepdim=True)).exp_()
    if count * width > vocab_size:
        weights = F.pad(weights, (0, count * width - vocab_size))
    blocks = weights.view(batch_size, count, width)
    drawn = torch.rand(batch_size, 1, generator=generator, device=logits.device, dtype=torch.float64)
    # float64: the sums of thousands of weights would round the rare tokens away.
    block_ends = blocks.sum(-1).double().cumsum(-1)  # (B, count)
    point = _inside(drawn * block_ends[:, -1:], block_ends)
    block = torch.searchsorted(block_ends, point, right=True)  # (B, 1)
    before = torch.where(block > 0, block_ends.gather(1, (block - 1).clamp(min=0)), 0.0)
    row = torch.arange(batch_size, device=logits.device)
    token_ends = blocks[row, block.squeeze(1)].double().cumsum(-1)  # (B, width)
    token = torch.searchsorted(token_ends, _inside(point - before, token_ends), right=True)
    return (block * width + token).squeeze(1)


def _block_width(vocab_size: int) -> int:
    """About sqrt(V); a divisor of V where one is near, as filling up the last block costs a copy of all weights."""
    root = math.isqrt(vocab_size - 1) + 1
    return next((width for width in range(root, 2 * root) if vocab_size % width == 0), root)


def _inside(point: Tensor, ends: Tensor) -> Tensor:
    """`point` (B, 1), kept below the last of `ends` (B, K): one rounded up to it would fall past the last token
    that is possible."""
    last = ends[:, -1:]
    return torch.minimum(point, torch.nextafter(last, torch.zeros_like(last)))
