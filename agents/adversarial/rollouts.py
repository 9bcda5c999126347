"""Roll-outs: the value of a prefix as the mean score of the texts that a policy goes on to write from it.

The estimate of Q(s, a) in SeqGAN (Yu et al. 2017, equation 4), for any score of whole texts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from agents.networks.policy_network import PolicyNetwork
from agents.protocol import BoolArray, FloatArray, IntArray
from textgen_env.checks import check_at_least, check_room


class RollOuts(NamedTuple):
    """Continuations of every proper prefix of B texts, N of each.

    Attributes:
        texts: (M,) int64, which of the B texts each continues.
        cuts: (M,) int64, the length of the prefix it continues, 1 <= cut < the text's length; ascending.
        tokens: (M, T) int64, prefix and continuation; V after the end.
        lengths: (M,) int64.
        tokens_written: how many tokens the continuations have.
    """

    texts: IntArray
    cuts: IntArray
    tokens: IntArray
    lengths: IntArray
    tokens_written: int


@torch.inference_mode()
def roll_out(
    network: PolicyNetwork,
    tokens: IntArray,
    lengths: IntArray,
    rollouts: int,
    generator: torch.Generator,
    eos_id: int | None = None,
    sources: IntArray | None = None,
    allowed: Callable[[IntArray, IntArray], BoolArray | None] | None = None,
) -> RollOuts:
    """Goes on writing from every proper prefix of each text, `rollouts` times from each.

    The network's state is carried forward from each prefix, so that none is read twice; at each position all
    continuations that have begun, of whatever prefix, take their next token together.

    Args:
        network: the policy that writes.
        tokens, lengths: (B, T), (B,) texts; a text of one token has no proper prefix.
        rollouts: N.
        generator: on the CPU; draws the tokens.
        eos_id: the token that ends a text, or None.
        sources: (B, S) source tokens, for a conditional task.
        allowed: which tokens may follow prefixes (K, T) of lengths (K,): (K, V), or None where all may.
    """
    count, horizon = tokens.shape
    each = check_at_least("rollouts", rollouts)
    check_room(f"rollouts={each} from every prefix of {count} texts", each, count, horizon, horizon)
    cuts, texts = (np.repeat(part, each) for part in np.nonzero(np.arange(1, horizon)[:, None] < lengths))
    cuts += 1
    begun = cuts.searchsorted(np.arange(horizon), side="right")
    inputs = network.start(count)
    device = inputs.device
    written = torch.from_numpy(np.where(np.arange(horizon) < cuts[:, None], tokens[texts], network.blank_id)).to(device)
    given, continued = torch.from_numpy(tokens).to(device), torch.from_numpy(texts).to(device)
    state = network.begin(count, None if sources is None else torch.from_numpy(sources).to(device))
    carried = tuple(part.new_empty(len(cuts), *part.shape[1:]) for part in state)
    going = torch.ones(len(cuts), dtype=torch.bool, device=device)
    for t in range(1, horizon):
        fresh = slice(begun[t - 1], begun[t])
        if fresh.start < fresh.stop:
            # What has read all but the last token of the prefixes of t tokens; the continuations of these begin.
            state = network.advance(inputs, state)
            inputs = given[:, t - 1]
            for part, whole in zip(carried, state, strict=True):
                part[fresh] = whole[continued[fresh]]
        rows = going[: fresh.stop].nonzero().squeeze(1)
        if not len(rows):
            continue
        uniforms = torch.rand(len(rows), generator=generator, dtype=torch.float64).to(device)
        masks = None if allowed is None else allowed(written[rows].cpu().numpy(), np.full(len(rows), t))
        permitted = None if masks is None else torch.tensor(masks, device=device)
        drawn, after = network.draw(written[rows, t - 1], tuple(part[rows] for part in carried), uniforms, permitted)
        written[rows, t] = drawn
        for part, whole in zip(carried, after, strict=True):
            part[rows] = whole
        if eos_id is not None:
            going[rows] = drawn != eos_id
    whole_texts = written.cpu().numpy()
    whole_lengths = (whole_texts != network.blank_id).sum(1)
    return RollOuts(texts, cuts, whole_texts, whole_lengths, int(whole_lengths.sum() - cuts.sum()))


def action_values(
    rollouts: RollOuts, scores: FloatArray, text_scores: FloatArray, lengths: IntArray, horizon: int
) -> FloatArray:
    """Q(x_{<t}, x_t), the value of each token after the tokens before it, (B, T); 0 past a text's length.

    The mean score of the continuations of x_1 .. x_t; for the last token of a text the text's own score.

    Args:
        rollouts: of the texts.
        scores: (M,) of the continuations.
        text_scores: (B,) of the texts themselves.
        lengths: (B,) theirs.
        horizon: T.
    """
    count = len(lengths)
    cells = rollouts.texts * horizon + rollouts.cuts - 1
    sums = np.bincount(cells, scores, count * horizon)
    counts = np.bincount(cells, minlength=count * horizon)
    values: FloatArray = (sums / np.maximum(counts, 1)).reshape(count, horizon)
    values[np.arange(count), lengths - 1] = text_scores
    return values
