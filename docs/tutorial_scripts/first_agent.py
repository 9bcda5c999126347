"""
A first agent
=============

An agent that learns to write what an oracle likes, in twenty lines.
"""

import gymnasium as gym

import textgen_env  # noqa: F401, its import registers the environments
from agents.data.episodes import evaluate
from agents.policy_gradient.reinforce import Reinforce

envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
agent = Reinforce(envs, seed=0)
agent.train(envs, total_tokens=5_000)
print(evaluate(agent.predict, envs, episodes=100).returns.mean())
