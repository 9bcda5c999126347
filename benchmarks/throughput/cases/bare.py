"""Floor of the environments: the same game without core, checks, masks or infos."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from textgen_env.vocabulary import IntArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class BareTokenEnv(gymnasium.Env[IntArray, np.int64]):
    """Bare environment of one text.

    Args:
        vocab_size, length: V, T.
    """

    def __init__(self, vocab_size: int, length: int) -> None:
        self.action_space = spaces.Discrete(vocab_size)
        self.observation_space = spaces.Box(0, vocab_size, (length,), np.int64)
        self.blank = vocab_size
        self.tokens = np.full(length, vocab_size)
        self.written = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[IntArray, dict[str, Any]]:
        """The empty text."""
        self.tokens[:] = self.blank
        self.written = 0
        return self.tokens.copy(), {}

    def step(self, action: Any) -> tuple[IntArray, float, bool, bool, dict[str, Any]]:
        """One more token; 1 for the last."""
        self.tokens[self.written] = action
        self.written += 1
        ended = self.written == len(self.tokens)
        return self.tokens.copy(), float(ended), ended, False, {}


class BareVectorEnv(VectorEnv[IntArray, IntArray, Any]):
    """Bare environment of N texts of full length, which therefore end together; the next begin in the same step.

    Args:
        vocab_size, length, num_envs: V, T, N.
    """

    def __init__(self, vocab_size: int, length: int, num_envs: int) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_action_space = spaces.Discrete(vocab_size)
        self.single_observation_space = spaces.Box(0, vocab_size, (length,), np.int64)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.blank = vocab_size
        self.tokens = np.full((num_envs, length), vocab_size)
        self.lengths = np.zeros(num_envs, np.int64)
        self.rows = np.arange(num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[IntArray, dict[str, Any]]:
        """N empty texts."""
        self.tokens[:] = self.blank
        self.lengths[:] = 0
        return self.tokens.copy(), {}

    def step(self, actions: IntArray) -> tuple[IntArray, Floats, Bools, Bools, dict[str, Any]]:
        """One more token in each row; 1 for the last."""
        self.tokens[self.rows, self.lengths] = actions
        self.lengths += 1
        ended = self.lengths == self.tokens.shape[1]
        rewards = ended.astype(np.float64)
        if ended.any():
            self.tokens[ended] = self.blank
            self.lengths[ended] = 0
        return self.tokens.copy(), rewards, ended, np.zeros(self.num_envs, np.bool_), {}


def bare_spec(vocab_size: int, length: int) -> gymnasium.envs.registration.EnvSpec:
    """For `gymnasium.make`: entered into no registry."""
    return gymnasium.envs.registration.EnvSpec(
        "BareToken-v0",
        entry_point=lambda **sizes: BareTokenEnv(**sizes),
        kwargs={"vocab_size": vocab_size, "length": length},
        disable_env_checker=True,
        order_enforce=False,
    )
