"""Features extractor of Stable-Baselines3: the state of a GRU that has read the prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from textgen_env.checks import check_at_least

REMEDY = (
    "a wrapper has changed them. Token ids are names, not amounts: wrap with VecNormalize(envs, norm_obs=False), and "
    "leave out wrappers that scale or stack observations"
)
EXACT_IN_FLOAT32 = 2**24
"""Observations reach the extractor as float32, which tells whole numbers up to this one apart."""


class PrefixFeatures(BaseFeaturesExtractor):
    """The state of a GRU that has read the prefix; of a task with sources, of one that goes on from a second GRU's
    state after the source. What is empty is read as one blank.

    Its initial weights are torch's, drawn from torch's global generator: it is the one that an algorithm of
    Stable-Baselines3 seeds with its argument `seed` and draws all its other weights from.

    Args:
        observation_space: of `TextGenEnv`: Box (T,) of token ids, or Dict(source, tokens).
        embedding_size: E of a token.
        hidden_size: H, which is the number of features.

    Raises:
        TypeError: another space.
        ValueError: sizes < 1, or more tokens than the float32 that observations arrive in tells apart.
    """

    def __init__(self, observation_space: spaces.Space[Any], embedding_size: int = 32, hidden_size: int = 64) -> None:
        check_at_least("embedding_size", embedding_size)
        super().__init__(observation_space, check_at_least("hidden_size", hidden_size))
        parts = (
            observation_space.spaces if isinstance(observation_space, spaces.Dict) else {"tokens": observation_space}
        )
        if parts.keys() - {"source"} != {"tokens"}:
            raise TypeError(f"observation_space={observation_space} must be Box (T,) or Dict(source=..., tokens=...)")
        self.readers = nn.ModuleDict(
            {name: SequenceReader(_blank(space), embedding_size, hidden_size) for name, space in parts.items()}
        )

    def forward(self, observations: Tensor | dict[str, Tensor]) -> Tensor:
        """Features (B, H) of prefixes (B, T), or of a dict with sources (B, S); ids in any dtype.

        Raises:
            ValueError: observations that are no token ids, as a wrapper that normalises them makes.
        """
        if isinstance(observations, Tensor):
            return cast(Tensor, self.readers["tokens"](observations))
        state = self.readers["source"](observations["source"]) if "source" in self.readers else None
        return cast(Tensor, self.readers["tokens"](observations["tokens"], state))


class SequenceReader(nn.Module):
    """Embedding and GRU.

    Args:
        blank: id that marks what is not written; has an embedding of its own.
        embedding_size, hidden_size: E, H.
    """

    def __init__(self, blank: int, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.blank = blank
        self.embedding = nn.Embedding(blank + 1, embedding_size)
        self.rnn = nn.GRU(embedding_size, hidden_size)

    def forward(self, ids: Tensor, state: Tensor | None = None) -> Tensor:
        """The state (B, H) after the ids (B, L) up to the first blank, from `state` (B, H) or zeros."""
        tokens = ids.long()
        low, high = (int(end) for end in tokens.aminmax())
        if low < 0 or high > self.blank or not torch.equal(tokens.to(ids.dtype), ids):
            raise ValueError(_no_ids(ids, self.blank))
        written = tokens != self.blank
        if bool((written[:, 1:] & ~written[:, :-1]).any()):
            raise ValueError(f"observations hold tokens behind a blank, {self.blank}, as no prefix does: {REMEDY}")
        lengths = written.sum(1).clamp(min=1)
        longest = int(lengths.max())
        embedded = self.embedding(tokens[:, :longest].t())  # (L, B, E)
        start = None if state is None else state.unsqueeze(0)
        if bool((lengths == longest).all()):
            return cast(Tensor, self.rnn(embedded, start)[1][0])
        packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths.cpu(), enforce_sorted=False)
        return cast(Tensor, self.rnn(packed, start)[1][0])


def policy_kwargs(
    embedding_size: int = 32, hidden_size: int = 64, net_arch: Sequence[int] | dict[str, list[int]] = (64,)
) -> dict[str, Any]:
    """The `policy_kwargs` of an algorithm of Stable-Baselines3 or sb3-contrib that read prefixes with a GRU.

    Args:
        embedding_size, hidden_size: of `PrefixFeatures`.
        net_arch: sizes of the layers that follow; for an actor-critic also a dict(pi=[...], vf=[...]).
    """
    return {
        "features_extractor_class": PrefixFeatures,
        "features_extractor_kwargs": {"embedding_size": embedding_size, "hidden_size": hidden_size},
        "net_arch": net_arch if isinstance(net_arch, dict) else list(net_arch),
    }


def _no_ids(ids: Tensor, blank: int) -> str:
    """Description of what is wrong with observations, of which one at least is no id."""
    values = ids.double().flatten()
    wrong = ~((values >= 0) & (values <= blank) & (values == values.round()))
    return f"observations hold {values[wrong][0].item():g}, which is no token id, 0 to {blank}: {REMEDY}"


def _blank(space: spaces.Space[Any]) -> int:
    if not isinstance(space, spaces.Box) or space.dtype != np.int64 or len(space.shape) != 1:
        raise TypeError(f"observation_space: {space} must be an int64 Box of shape (T,), token ids; {REMEDY}")
    blank = int(space.high.max())
    if blank >= EXACT_IN_FLOAT32:
        raise ValueError(f"observation_space: {blank} tokens; ids up to {EXACT_IN_FLOAT32 - 1} survive float32")
    return blank
