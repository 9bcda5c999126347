"""Observations as one row of ids, for libraries that know `MultiDiscrete` and no `Dict`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from textgen_env.vocabulary import IntArray
from textgen_env.wrappers.one_hot import sizes


def multi_discrete_space(space: spaces.Space[Any]) -> spaces.MultiDiscrete:
    """The space of `joined` of the observations of `space`: MultiDiscrete([VS + 1] * S + [V + 1] * T).

    Raises:
        TypeError: a space of anything but token ids.
    """
    return spaces.MultiDiscrete([blank + 1 for width, blank in sizes(space) for _ in range(width)])


def joined(observations: IntArray | dict[str, IntArray], space: spaces.Space[Any]) -> IntArray:
    """Observations (..., T) of the single `space`, or a dict of them, as (..., S + T) ids, in the order of its keys."""
    if isinstance(observations, dict) and isinstance(space, spaces.Dict):
        return np.concatenate([observations[key] for key in space.spaces], -1)
    return np.asarray(observations)


class MultiDiscreteObservation(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """The prefix as MultiDiscrete([V + 1] * T), with [VS + 1] * S in front for a source: ids, ready for an embedding.

    The blank is the id V. Embed with `nn.Embedding(int(space.nvec.max()), width)`. A library that makes one-hot numbers
    of a `MultiDiscrete` itself, as Stable-Baselines3 does, makes them of these ids.

    Args:
        env: of texts, single.

    Raises:
        TypeError: an environment that does not show token ids.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.observation_space = multi_discrete_space(env.observation_space)

    def observation(self, observation: Any) -> IntArray:
        """(S + T,) int64 of the ids (T,), or of a dict with the source (S,)."""
        return joined(observation, self.env.observation_space)
