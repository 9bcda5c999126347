"""Masks of actions as a part of the observation or of the info, for libraries that look for them there."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import DTypeLike, NDArray

from textgen_env.game import text_game


def masked_space(
    space: spaces.Space[Any], actions: spaces.Space[Any], observation_key: str, mask_key: str, dtype: DTypeLike
) -> spaces.Dict:
    """The space of an observation and its mask.

    Raises:
        ValueError: one key for both.
        TypeError: actions that are not `Discrete`.
    """
    if observation_key == mask_key:
        raise ValueError(f"observation_key={observation_key!r} and mask_key={mask_key!r} must be two names")
    if not isinstance(actions, spaces.Discrete):
        raise TypeError(f"env has the action space {actions}, expected Discrete(V): the environment's own")
    shape = (int(actions.n),)
    mask = spaces.Box(np.zeros(shape, dtype), np.ones(shape, dtype), shape, np.dtype(dtype).type)
    return spaces.Dict({observation_key: space, mask_key: mask})


class ActionMaskObservation(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """The observation beside the mask of the next action: Dict(observation=..., action_mask=Box(0, 1, (V,))).

    Args:
        env: of texts, single; also within `OneHotObservation`.
        observation_key, mask_key: names of the two; RLlib looks for "observations" and "action_mask", tianshou for
            "obs" and "mask".
        dtype: of the mask. `Discrete.sample` takes int8, RLlib float32.

    Raises:
        ValueError, TypeError: one name for both, or no environment of texts.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        observation_key: str = "observation",
        mask_key: str = "action_mask",
        dtype: DTypeLike = np.int8,
    ) -> None:
        RecordConstructorArgs.__init__(
            self, observation_key=observation_key, mask_key=mask_key, dtype=np.dtype(dtype).name
        )
        super().__init__(env)
        self._game, self._dtype = text_game(env), np.dtype(dtype)
        self._keys = observation_key, mask_key
        self.observation_space = masked_space(env.observation_space, env.action_space, *self._keys, dtype)

    def observation(self, observation: Any) -> dict[str, Any]:
        """The observation and the mask (V,), all 1 when the text has ended."""
        return dict(zip(self._keys, (observation, self._game.action_masks().astype(self._dtype)), strict=True))


class ActionMaskInfo(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """The mask of the next action in every info: `info["action_mask"]` (V,), all 1 when the text has ended.

    Args:
        env: of texts, single.
        dtype: of the mask.

    Raises:
        TypeError: no environment of texts.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], dtype: DTypeLike = np.int8) -> None:
        RecordConstructorArgs.__init__(self, dtype=np.dtype(dtype).name)
        super().__init__(env)
        self._game, self._dtype = text_game(env), np.dtype(dtype)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the mask."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, info | {"action_mask": self._mask()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's, with the mask."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, info | {"action_mask": self._mask()}

    def _mask(self) -> NDArray[Any]:
        return self._game.action_masks().astype(self._dtype)
