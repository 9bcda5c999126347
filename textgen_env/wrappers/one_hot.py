"""One-hot observations, for libraries that feed what they observe into linear layers."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from textgen_env.vocabulary import IntArray


def one_hot_space(space: spaces.Space[Any]) -> spaces.Box:
    """The space of `one_hot` of the observations of `space`: Box(0, 1, (F,), float32).

    Raises:
        TypeError: a space of anything but token ids.
    """
    return spaces.Box(0.0, 1.0, (sum(width * blank for width, blank in sizes(space)),), np.float32)


def sizes(space: spaces.Space[Any]) -> list[tuple[int, int]]:
    """Width and blank id of each part of an observation, in the order of a Dict's keys.

    Raises:
        TypeError: a space of anything but token ids.
    """
    parts = list(space.spaces.values()) if isinstance(space, spaces.Dict) else [space]
    for part in parts:
        if not isinstance(part, spaces.Box) or part.dtype != np.int64 or len(part.shape) != 1:
            raise TypeError(
                f"env has the observation space {space}, expected token ids: an int64 Box (T,), or a Dict of such; "
                "wrap the environment itself, before anything that changes what it shows"
            )
    return [(part.shape[0], int(part.high.max())) for part in parts if isinstance(part, spaces.Box)]


def one_hot(observations: IntArray | dict[str, IntArray], space: spaces.Space[Any]) -> NDArray[np.float32]:
    """Observations (..., T) of the single `space`, or a dict of them, as (..., F) float32.

    Each place of the text is V numbers, 1 at its token; all are 0 where nothing is written. The parts of a dict follow
    one another in the order of the space's keys.
    """
    parts = (
        [observations[key] for key in space.spaces]
        if isinstance(observations, dict) and isinstance(space, spaces.Dict)
        else [observations]
    )
    encoded = []
    for ids, (width, blank) in zip(parts, sizes(space), strict=True):
        tokens = np.asarray(ids)
        flat = tokens.reshape(-1)
        places = np.flatnonzero(flat != blank)
        ones = np.zeros((flat.size, blank), np.float32)
        ones[places, flat[places]] = 1.0
        encoded.append(ones.reshape(*tokens.shape[:-1], width * blank))
    return encoded[0] if len(encoded) == 1 else np.concatenate(encoded, -1)


class OneHotObservation(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """The prefix as numbers: Box(0, 1, (T * V,), float32), with S * VS more in front for a source of S tokens.

    Each place is V numbers, 1 at its token; all are 0 where nothing is written. A network that has an embedding of its
    own learns faster from the ids, and V in the thousands makes this wide: T * V * 4 bytes an observation.

    Args:
        env: of texts, single.

    Raises:
        TypeError: an environment that does not show token ids.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.observation_space = one_hot_space(env.observation_space)

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """(F,) float32 of the ids (T,), or of a dict with the source (S,)."""
        return one_hot(observation, self.env.observation_space)
