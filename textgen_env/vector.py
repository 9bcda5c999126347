"""The vector environment: the core as a Gymnasium `VectorEnv`, N texts at a time, in each autoreset mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from textgen_env.checks import check_at_least
from textgen_env.columns import objects
from textgen_env.descriptions import described
from textgen_env.env import OPTIONS, RENDER_MODES, Observation, checked_options, checked_render_mode, observation_space
from textgen_env.game import AllRowsView
from textgen_env.infos import end_infos, spread, step_infos
from textgen_env.rewards.base import FloatArray, RewardMode
from textgen_env.row import TextRow
from textgen_env.specs import build_core
from textgen_env.tasks.base import Task
from textgen_env.text_checks import checked_seeds, one_for_each
from textgen_env.transition import Finished, Transition
from textgen_env.vocabulary import IntArray

Infos = dict[str, Any]


class TextGenVectorEnv(AllRowsView, VectorEnv[Observation, IntArray, NDArray[Any]]):
    """N rows of `TextGenEnv`; row i seeded with s + i plays as a single environment seeded with s + i.

    Args:
        num_envs: N >= 1.
        autoreset_mode: "NextStep" (a row that ended is reset by the next step, whose action it ignores),
            "SameStep" (reset in the step that ends it; `final_obs` and `final_info` in the infos), or "Disabled"
            (reset by `reset(options={"reset_mask": (N,) bool})`); Gymnasium's enum or its value.

    The other arguments are those of `TextGenEnv`.
    """

    def __init__(
        self,
        task: str | Task,
        reward: Any,
        num_envs: int = 1,
        reward_mode: RewardMode | None = None,
        min_length: int = 0,
        render_mode: str | None = None,
        mask_penalty: float | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **arguments: Any,
    ) -> None:
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            allowed = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise ValueError(f"autoreset_mode={autoreset_mode!r} must be one of {allowed}") from None
        self.num_envs = check_at_least("num_envs", num_envs)
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4, "autoreset_mode": self.autoreset_mode}
        self.core = build_core(task, reward, num_envs, reward_mode, min_length, mask_penalty, arguments)
        self.single_action_space = gymnasium.spaces.Discrete(self.core.vocab_size)
        self.single_observation_space = observation_space(self.core.task)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._rows = np.arange(num_envs)
        self._row_seeds = [-1] * num_envs
        self._views = [TextRow(self.core, row, render_mode) for row in range(num_envs)]
        self.__doc__ = described(type(self), self.core)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Infos]:
        """Begins a text in every row, or in those of `options["reset_mask"]` (N,) bool.

        Args:
            seed: row i gets seed + i; or one seed for each row.
            options: "prefix" (P,) or (K, P) and "source" () or (K,) for the K rows reset; "reset_mask".

        Raises:
            ValueError, TypeError: seeds or options that are not allowed; nothing is changed then.
        """
        chosen = checked_options(options, (*OPTIONS, "reset_mask"))
        rows = self._rows_of(chosen.pop("reset_mask", None))
        seeds = checked_seeds(seed, self.num_envs)
        self.core.reset(rows, **chosen, seeds=None if seed is None else [seeds[row] for row in rows.tolist()])
        for row in rows.tolist():
            row_seed = seeds[row]
            self._row_seeds[row] = self._row_seeds[row] if row_seed is None else row_seed
        return self.core.observations(), self._step_infos(rows)

    def step(self, actions: Any) -> tuple[Observation, FloatArray, NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Writes one token in each row; `actions` (N,) token ids.

        Raises:
            gymnasium.error.InvalidAction: an action that is no token id, or masked without `mask_penalty`; nothing is
                changed then.
            gymnasium.error.ResetNeeded: before `reset`; after a row's end when autoreset is disabled.
        """
        ended = self.core.ended_rows if self.autoreset_mode is AutoresetMode.NEXT_STEP else self._rows[:0]
        if len(ended):
            transition, infos = self._step_and_reset(actions, ended)
        else:
            transition = self.core.step(actions)
            infos = self._end_infos(transition.finished)
            if self.autoreset_mode is AutoresetMode.SAME_STEP and transition.finished is not None:
                infos = self._reset_finished(transition.finished.rows, infos)
        truncated = np.zeros(self.num_envs, np.bool_)
        if self.core.source_indices is not None:
            infos.update(self._step_infos(self._rows))
        return self.core.observations(), transition.rewards, transition.terminated, truncated, infos

    def _step_and_reset(self, actions: Any, over: IntArray) -> tuple[Transition, Infos]:
        """A step of all rows but `over` (K,), which begin anew."""
        going = np.ones(self.num_envs, np.bool_)
        going[over] = False
        chosen = one_for_each(actions, self._rows)
        transition = self.core.step(chosen[going], self._rows[going])
        self.core.reset(over)
        return transition, self._end_infos(transition.finished)

    def _reset_finished(self, rows: IntArray, infos: Infos) -> Infos:
        final = spread({"final_obs": self._final_observations(rows)}, rows, self.num_envs)
        final |= {"final_info": infos, "_final_info": final["_final_obs"].copy()}
        self.core.reset(rows)
        return final

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Results of the method `name` of each row, or its attribute, as of `SyncVectorEnv`; see `TextRow`."""
        found = self.get_attr(name)
        return tuple(each(*args, **kwargs) if callable(each) else each for each in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """The attribute of each row; see `TextRow`."""
        return tuple(getattr(row, name) for row in self._views)

    def set_attr(self, name: str, values: Any) -> None:
        """Sets the attribute of each row: to each of a list or tuple of N `values`, or all to one.

        Raises:
            ValueError: another number of values.
            AttributeError: what is fixed, such as task and reward.
        """
        each = values if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(each) != self.num_envs:
            raise ValueError(
                f"values={values!r} has {len(each)} entries, expected {self.num_envs}, or one for all rows"
            )
        for row, value in zip(self._views, each, strict=True):
            setattr(row, name, value)

    def render(self) -> tuple[Any, ...] | None:
        """One frame a row, as `TextGenEnv.render` gives it."""
        from textgen_env.rendering.frames import render_row

        if self.render_mode is None:
            gymnasium.logger.warn('render() needs a render mode: gym.make_vec(id, render_mode="ansi")')
            return None
        return tuple(render_row(self.core, row, self.render_mode) for row in range(self.num_envs))

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """Each row's random generator."""
        return tuple(self.core.generators[row] for row in range(self.num_envs))

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """Each row's latest seed, -1 where none was given."""
        return tuple(self._row_seeds)

    def _rows_of(self, mask: Any) -> IntArray:
        if mask is None:
            return self._rows
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError(f"options['reset_mask']={mask!r} must be a NumPy array of bool, ({self.num_envs},)")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(
                f"options['reset_mask']={mask!r} must be an array ({self.num_envs},) of bool with at least one True"
            )
        return np.flatnonzero(mask)

    def _step_infos(self, rows: IntArray) -> Infos:
        return spread(step_infos(self.core, rows), rows, self.num_envs)

    def _end_infos(self, finished: Finished | None) -> Infos:
        return {} if finished is None else end_infos(finished, self.task.vocabulary, self.num_envs)

    def _final_observations(self, rows: IntArray) -> NDArray[Any]:
        seen = self.core.observations(rows)
        if isinstance(seen, dict):
            return objects(({key: values[i] for key, values in seen.items()} for i in range(len(rows))), len(rows))
        return objects(seen, len(rows))
