"""One row of a vector environment, as the single environment that it plays as."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from textgen_env.core import GenerationCore
from textgen_env.env import RENDER_MODES, observation_space
from textgen_env.game import OneRowView
from textgen_env.vocabulary import IntArray


class TextRow(OneRowView):
    """One row of N: what `get_attr`, `set_attr` and calls of methods see, named as in `TextGenEnv`."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": list(RENDER_MODES), "render_fps": 4}

    def __init__(self, core: GenerationCore, row: int, render_mode: str | None, spec: EnvSpec | None = None) -> None:
        self.core = core
        self.row = row
        self.render_mode = render_mode
        self.spec = spec
        self.action_space = spaces.Discrete(core.vocab_size)
        self.observation_space = observation_space(core.task)

    @property
    def game_rows(self) -> IntArray:
        """This row alone."""
        return self.core.all_rows[self.row : self.row + 1]

    @property
    def np_random(self) -> np.random.Generator:
        """This row's random generator."""
        return self.core.generators[self.row]

    def render(self) -> Any:
        """This row's text as `TextGenEnv.render` shows it; None without a render mode."""
        from textgen_env.rendering.frames import render_row

        return None if self.render_mode is None else render_row(self.core, self.row, self.render_mode)
