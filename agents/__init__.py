"""Agents for the environments of textgen_env: one file an algorithm, one policy network for all."""

from agents.base import Agent, Callback, Progress, TextSpec
from agents.mle import MLE, MLEConfig
from agents.random import Random, RandomConfig
from agents.reinforce import Reinforce, ReinforceConfig
from agents.rollout import Episodes, Evaluation, evaluate, play

__all__ = [
    "MLE",
    "Agent",
    "Callback",
    "Episodes",
    "Evaluation",
    "MLEConfig",
    "Progress",
    "Random",
    "RandomConfig",
    "Reinforce",
    "ReinforceConfig",
    "TextSpec",
    "evaluate",
    "play",
]
