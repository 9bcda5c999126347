"""Hidden states after observed prefixes, by a state that remembers what it has read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agents.data.text_spec import TextSpec
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import BoolArray, IntArray, Observation, State
from textgen_env.models.token_model import State as NetworkState


def next_hidden(
    network: PolicyNetwork,
    spec: TextSpec,
    observation: Observation,
    state: State,
    episode_start: BoolArray | None,
) -> tuple[Tensor, State, bool]:
    """Hidden states (N, H) that the output layer reads where the next tokens are chosen, the state to hand to the next
    call, and whether it was a single observation.

    A row whose observation is what the state has read and one more token costs one step of the network; any other row
    is read from its start.

    Raises:
        ValueError, TypeError: an observation or a state of another shape.
    """
    tokens, sources, single = spec.checked_observation(observation)
    inputs, carried, seen = _carried(network, spec, tokens, sources, state, episode_start)
    after = network.advance(inputs, carried)
    return after[0], (*(part.cpu().numpy() for part in after), seen), single


def _carried(
    network: PolicyNetwork,
    spec: TextSpec,
    tokens: IntArray,
    sources: IntArray | None,
    state: State,
    episode_start: BoolArray | None,
) -> tuple[Tensor, NetworkState, IntArray]:
    """The last token of each prefix (N,), the network's state before it, and what the state after it has read: the
    source and the tokens (N, S + T)."""
    rows = np.arange(len(tokens))
    seen = tokens.copy() if sources is None else np.concatenate([sources, tokens], 1)
    last = np.maximum((tokens != spec.vocab_size).sum(1) - 1, 0)
    device = network.decoder.output.weight.device
    inputs = torch.from_numpy(tokens[rows, last]).to(device)
    if state is None:
        return inputs, _before_last(network, spec, tokens, sources), seen
    *parts, before = state
    if before.shape != seen.shape:
        raise ValueError(f"state is of observations {before.shape}, but these are {seen.shape}; begin with state=None")
    at = spec.source_length + last
    grown = (before[rows, at] == spec.vocab_size) & (seen[rows, at] != spec.vocab_size)
    follows = grown & ((before == seen) | (np.arange(seen.shape[1]) == at[:, None])).all(1)
    if episode_start is not None:
        follows &= ~np.asarray(episode_start, np.bool_)
    carried = tuple(torch.from_numpy(part).to(device) for part in parts)
    if not follows.all():
        anew = np.flatnonzero(~follows)
        read = _before_last(network, spec, tokens[anew], None if sources is None else sources[anew])
        index = torch.from_numpy(anew).to(device)
        carried = tuple(part.index_copy(0, index, new) for part, new in zip(carried, read, strict=True))
    return inputs, carried, seen


def _before_last(network: PolicyNetwork, spec: TextSpec, tokens: IntArray, sources: IntArray | None) -> NetworkState:
    """The network's state after all but the last token of each prefix (N, T); before the first input if empty."""
    inputs = network.start(len(tokens))
    given = torch.from_numpy(tokens).to(inputs.device)
    lengths = (given != spec.vocab_size).sum(1)
    state = network.begin(len(tokens), None if sources is None else torch.from_numpy(sources).to(inputs.device))
    for t in range(int(lengths.max())):
        after = network.advance(inputs, state)
        reads = lengths > t
        state = tuple(
            torch.where(reads.view(-1, *[1] * (new.dim() - 1)), new, old) for new, old in zip(after, state, strict=True)
        )
        inputs = given[:, t]
    return state
