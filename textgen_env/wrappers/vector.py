"""The wrappers of `textgen_env.wrappers` for vector environments, in each autoreset mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import DTypeLike, NDArray

from textgen_env.columns import TextColumn, VectorInfos, objects
from textgen_env.infos import spread
from textgen_env.vocabulary import IntArray
from textgen_env.wrappers.action_mask import masked_space
from textgen_env.wrappers.multi_discrete import joined, multi_discrete_space
from textgen_env.wrappers.one_hot import one_hot, one_hot_space
from textgen_env.wrappers.uniform_info import END_ALONE, core_view

if TYPE_CHECKING:
    _Base = VectorWrapper[Any, Any, Any, Any, Any]
else:
    # Gymnasium 1.2, which RLlib asks for, has it without parameters.
    _Base = VectorWrapper


class _SaysItsMode(_Base):
    """Base of all: TorchRL asks a vector environment itself, whatever wraps it, how it resets."""

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """Autoreset mode of the environment inside."""
        mode: AutoresetMode = self.env.metadata["autoreset_mode"]
        return mode


class _Translated(_SaysItsMode):
    """Base of those that show something else, in `final_obs` too; Gymnasium's own base refuses the same-step mode."""

    def _show(self, single_space: Any) -> None:
        self.single_observation_space = single_space
        self.observation_space = batch_space(single_space, self.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, translated."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self.observations(observations), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the environment's, translated, `infos["final_obs"]` included."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        if "final_obs" in infos:
            last = (None if each is None else self.final_observation(each) for each in infos["final_obs"])
            infos = infos | {"final_obs": objects(last, self.num_envs)}
        return self.observations(observations), rewards, terminated, truncated, infos

    def observations(self, observations: Any) -> Any:
        """Observations of all rows, translated."""
        raise NotImplementedError(f"{type(self).__name__} must define observations(observations), those of all rows")

    def final_observation(self, observation: Any) -> Any:
        """Last observation of one row, translated."""
        raise NotImplementedError(f"{type(self).__name__} must define final_observation(observation), of one row")


class OneHotObservation(_Translated):
    """`textgen_env.wrappers.OneHotObservation` of each row: Box(0, 1, (N, F), float32).

    Args:
        env: vector environment of texts.

    Raises:
        TypeError: an environment that does not show token ids.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self._show(one_hot_space(env.single_observation_space))

    def observations(self, observations: Any) -> NDArray[np.float32]:
        """(N, F) float32."""
        return one_hot(observations, self.env.single_observation_space)

    def final_observation(self, observation: Any) -> NDArray[np.float32]:
        """(F,) float32."""
        return one_hot(observation, self.env.single_observation_space)


class MultiDiscreteObservation(_Translated):
    """`textgen_env.wrappers.MultiDiscreteObservation` of each row: (N, S + T) ids.

    Args:
        env: vector environment of texts.

    Raises:
        TypeError: an environment that does not show token ids.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self._show(multi_discrete_space(env.single_observation_space))

    def observations(self, observations: Any) -> IntArray:
        """(N, S + T) int64."""
        return joined(observations, self.env.single_observation_space)

    def final_observation(self, observation: Any) -> IntArray:
        """(S + T,) int64."""
        return joined(observation, self.env.single_observation_space)


class ActionMaskObservation(_Translated):
    """`textgen_env.wrappers.ActionMaskObservation` of each row: the observations beside the masks (N, V).

    Args:
        env: vector environment of texts.
        observation_key, mask_key, dtype: as there.

    Raises:
        ValueError, TypeError: one name for both, or actions of another space.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        observation_key: str = "observation",
        mask_key: str = "action_mask",
        dtype: DTypeLike = np.int8,
    ) -> None:
        super().__init__(env)
        self._keys, self._dtype = (observation_key, mask_key), np.dtype(dtype)
        self._show(masked_space(env.single_observation_space, env.single_action_space, *self._keys, dtype))

    def observations(self, observations: Any) -> dict[str, Any]:
        """The observations, and the masks (N, V)."""
        return dict(zip(self._keys, (observations, masks_of(self.env, self._dtype)), strict=True))

    def final_observation(self, observation: Any) -> dict[str, Any]:
        """A row's last observation, after which anything goes: a mask (V,) of ones."""
        mask = np.ones(self.single_observation_space[self._keys[1]].shape, self._dtype)  # type: ignore[index]
        return dict(zip(self._keys, (observation, mask), strict=True))


class ActionMaskInfo(_SaysItsMode):
    """`textgen_env.wrappers.ActionMaskInfo` of each row: `infos["action_mask"]` (N, V), in every step.

    Args:
        env: vector environment of texts.
        dtype: of the masks.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], dtype: DTypeLike = np.int8) -> None:
        super().__init__(env)
        self._dtype = np.dtype(dtype)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the masks of all rows."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, self._with_masks(infos)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the environment's, with the masks of all rows."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        return observations, rewards, terminated, truncated, self._with_masks(infos)

    def _with_masks(self, infos: dict[str, Any]) -> dict[str, Any]:
        if "final_info" in infos:
            # After a text's end anything goes; rows that did not end have no last info.
            ended = np.asarray(infos["_final_info"], np.bool_)
            width = int(self.single_action_space.n)  # type: ignore[attr-defined]
            final = infos["final_info"]
            final["action_mask"] = np.repeat(ended[:, None], width, 1).astype(self._dtype)
            final["_action_mask"] = ended.copy()
        infos["action_mask"] = masks_of(self.env, self._dtype)
        infos["_action_mask"] = np.ones(self.num_envs, np.bool_)
        return infos


class UniformInfo(_SaysItsMode):
    """`textgen_env.wrappers.UniformInfo` of each row: the texts so far in every step's infos; in those of a reset the
    texts of the rows that begin.

    Args:
        env: vector environment of texts, of this package's.

    Raises:
        TypeError: another.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self._view = core_view(env)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the texts that are begun."""
        chosen = (options or {}).get("reset_mask")
        observations, infos = self.env.reset(seed=seed, options=options)
        rows = self._view.core.all_rows if chosen is None else np.flatnonzero(chosen)
        return observations, self._uniform(infos, rows)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the environment's, with the texts so far."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        infos = self._uniform(infos, self._view.core.all_rows)
        return observations, rewards, terminated, truncated, infos

    def _uniform(self, infos: dict[str, Any], rows: IntArray) -> dict[str, Any]:
        core = self._view.core
        tokens = core.tokens[rows]
        stops = np.full(len(rows), "", object)
        if "stop" in infos:
            stops[infos["_stop"]] = infos["stop"][infos["_stop"]]
        texts = TextColumn(tokens, core.task.vocabulary)
        so_far = {"text": texts, "tokens": tokens, "length": core.lengths[rows], "stop": stops}
        infos.update(spread(so_far, rows, self.num_envs))
        for each in (infos, infos.get("final_info", {})):
            for key in (END_ALONE, "_" + END_ALONE):
                each.pop(key, None)
        return VectorInfos(infos)


def masks_of(envs: VectorEnv[Any, Any, Any], dtype: DTypeLike) -> NDArray[Any]:
    """The masks (N, V) of a vector environment of this package's, or of one of Gymnasium's over single ones."""
    inner: Any = envs.unwrapped
    masks = inner.action_masks() if hasattr(inner, "action_masks") else np.stack(inner.call("action_masks"))
    return np.asarray(masks, dtype)
