"""The core as Stable-Baselines3's vector environment."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from textgen_env.checks import check_at_least
from textgen_env.env import OPTIONS, TextGenEnv, checked_options, checked_render_mode
from textgen_env.environments import find_spec
from textgen_env.game import AllRowsView
from textgen_env.infos import end_info, step_info, step_infos
from textgen_env.rewards.base import RewardMode
from textgen_env.row import TextRow
from textgen_env.specs import build_core
from textgen_env.tasks.base import Task
from textgen_env.text_checks import checked_seeds


class TextGenVecEnv(AllRowsView, VecEnv):
    """N rows of `TextGenEnv` as Stable-Baselines3's vector environment, played in one batch.

    What it returns equals `DummyVecEnv([lambda: gym.make(id)] * N)` seeded alike: a row that ends begins its next text
    in the same step, its last observation being `info["terminal_observation"]`. Rewards are float32.
    `env_method("action_masks")` gives the N masks (V,). For the statistics of episodes wrap it: `VecMonitor(envs)`.

    Args:
        num_envs: N >= 1.
        spec: the id that this was made from.

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
        spec: EnvSpec | None = None,
        mask_penalty: float | None = None,
        **arguments: Any,
    ) -> None:
        check_at_least("num_envs", num_envs)
        checked_render_mode(render_mode)
        self.core = build_core(task, reward, num_envs, reward_mode, min_length, mask_penalty, arguments)
        self.spec = spec
        self.rows = [TextRow(self.core, row, render_mode, spec) for row in range(num_envs)]
        self._actions: ArrayLike = ()
        super().__init__(num_envs, self.rows[0].observation_space, self.rows[0].action_space)
        self.metadata = TextRow.metadata

    def reset(self) -> VecEnvObs:
        """Begins a text in every row, with the seeds and options given to `seed` and `set_options` since the last.

        Raises:
            ValueError, TypeError: options that are not allowed; nothing is changed then.
        """
        self.core.reset_each(self._options, self._seeds)
        self._reset_seeds()
        self._reset_options()
        self._begin_infos(self.core.all_rows)
        self._show()
        return self.core.observations()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the tokens (N,) that `step_wait` writes."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Writes one token in each row.

        Raises:
            gymnasium.error.InvalidAction: no token id, or a masked one; nothing is changed then.
            gymnasium.error.ResetNeeded: before `reset`.
        """
        transition = self.core.step(self._actions)
        self._show()
        infos: list[dict[str, Any]] = [
            {"TimeLimit.truncated": False, **step_info(self.core, row)} for row in range(self.num_envs)
        ]
        finished = transition.finished
        if finished is not None:
            last = self.core.observations(finished.rows)
            for which, row in enumerate(finished.rows.tolist()):
                infos[row].update(end_info(finished.text(which), self.core.task.vocabulary))
                infos[row]["terminal_observation"] = (
                    {key: values[which] for key, values in last.items()} if isinstance(last, dict) else last[which]
                )
            self.core.reset(finished.rows)
            self._begin_infos(finished.rows)
        return self.core.observations(), transition.rewards.astype(np.float32), transition.terminated, infos

    def close(self) -> None:
        """Nothing to release."""

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Row i gets seed + i at the next reset; None draws a seed from the operating system.

        Raises:
            TypeError, ValueError: a seed that is no whole number >= 0.
        """
        first = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._seeds = checked_seeds(first, self.num_envs)
        return self._seeds

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """The options of the next reset, "prefix" (P,) and "source" (): of all rows, or a list of each row's.

        Raises:
            ValueError: another key, or a list of another length.
        """
        if isinstance(options, list) and len(options) != self.num_envs:
            raise ValueError(f"options has {len(options)} entries, expected num_envs={self.num_envs}, or one dict")
        for chosen in options if isinstance(options, list) else [options]:
            checked_options(chosen, OPTIONS)
        super().set_options(options)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of each row, see `TextRow`."""
        return [getattr(row, attr_name) for row in self._chosen(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Sets the attribute of each row; task and reward are fixed."""
        for row in self._chosen(indices):
            setattr(row, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        """Results of the method of each row, see `TextRow`."""
        rows = self._chosen(indices)
        if method_name == "action_masks":
            # Asked for before every step by maskable algorithms: one call for all rows.
            return list(self.core.action_masks(np.array([row.row for row in rows])))
        return [getattr(row, method_name)(*args, **kwargs) for row in rows]

    def env_is_wrapped(self, wrapper_class: type[gymnasium.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """False for each row: there are no wrappers inside."""
        return [False for _ in self._chosen(indices)]

    def get_images(self) -> Sequence[NDArray[Any] | None]:
        """One image (H, W, 3) a row with `render_mode="rgb_array"`, else None for each."""
        return [row.render() if row.render_mode == "rgb_array" else None for row in self.rows]

    def _chosen(self, indices: VecEnvIndices) -> list[TextRow]:
        return [self.rows[row] for row in self._get_indices(indices)]

    def _begin_infos(self, rows: NDArray[np.int64]) -> None:
        begun = step_infos(self.core, rows)
        for which, row in enumerate(rows.tolist()):
            self.reset_infos[row] = {key: int(values[which]) for key, values in begun.items()}

    def _show(self) -> None:
        if self.render_mode == "human":
            self.env_method("render")


def make_sb3_vec_env(id: str, num_envs: int = 1, seed: int | None = None, **kwargs: Any) -> TextGenVecEnv:
    """A registered environment as Stable-Baselines3's vector environment.

    Args:
        id: of an entry of Gymnasium's registry that makes a `TextGenEnv`, without wrappers; or "module:id", as
            `gym.make` takes it.
        num_envs: rows N >= 1.
        seed: row i gets seed + i at the first reset.
        kwargs: as for `gym.make(id, **kwargs)`.

    Raises:
        gymnasium.error.Error: an unknown id.
        ValueError: an id of another environment, or with wrappers; or an argument that is not allowed.
        TypeError: an argument that the task does not take.
    """
    spec = find_spec(id)
    entry_point = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    if entry_point is not TextGenEnv or spec.additional_wrappers or spec.max_episode_steps is not None:
        raise ValueError(
            f"id={id!r} must name a TextGenEnv without wrappers or max_episode_steps; for others use "
            "stable_baselines3.common.env_util.make_vec_env"
        )
    merged = {**spec.kwargs, **kwargs}
    spec = copy.copy(spec)
    spec.kwargs = merged
    envs = TextGenVecEnv(num_envs=num_envs, spec=spec, **merged)
    if seed is not None:
        envs.seed(seed)
    return envs
