"""Wrappers that give an environment's observations and masks the form that other libraries read.

    import gymnasium as gym
    from textgen_env import wrappers

    env = wrappers.OneHotObservation(gym.make("TextGen-Captions-v1"))
    envs = wrappers.vector.OneHotObservation(gym.make_vec("TextGen-Captions-v1", num_envs=8))

Each stands twice, as Gymnasium's own do: here for a single environment, in `textgen_env.wrappers.vector` for a vector
environment, with the same values. They translate what the environment says, and change nothing of the game.
"""

from textgen_env.wrappers import vector
from textgen_env.wrappers.action_mask import ActionMaskInfo, ActionMaskObservation
from textgen_env.wrappers.multi_discrete import MultiDiscreteObservation
from textgen_env.wrappers.one_hot import OneHotObservation
from textgen_env.wrappers.uniform_info import UniformInfo

__all__ = [
    "ActionMaskInfo",
    "ActionMaskObservation",
    "MultiDiscreteObservation",
    "OneHotObservation",
    "UniformInfo",
    "vector",
]
