"""Source and prefix as one row of ids, for algorithms that know no `Dict`, such as those of SBX."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from textgen_env.vocabulary import IntArray
from textgen_env.wrappers.multi_discrete import joined, multi_discrete_space


class VecMultiDiscrete(VecEnvWrapper):
    """`textgen_env.wrappers.MultiDiscreteObservation` of each row, `infos[i]["terminal_observation"]` included.

    Stable-Baselines3's own policies make one-hot numbers of a `MultiDiscrete`; those of SBX show it to the
    network as ids.

    Args:
        venv: environments of texts, such as `make_sb3_vec_env` makes them.

    Raises:
        TypeError: environments that do not show token ids.
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv, observation_space=multi_discrete_space(venv.observation_space))

    def reset(self) -> IntArray:
        """(N, S + T) int64."""
        return self._joined(self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """As that of the environments, observations (N, S + T)."""
        observations, rewards, dones, infos = self.venv.step_wait()
        key = "terminal_observation"
        infos = [info | {key: self._joined(info[key])} if key in info else info for info in infos]
        return self._joined(observations), rewards, dones, infos

    def _joined(self, observations: Any) -> IntArray:
        return joined(observations, self.venv.observation_space)
