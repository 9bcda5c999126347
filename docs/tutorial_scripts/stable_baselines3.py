"""
Stable-Baselines3
=================

How does an agent of Stable-Baselines3 play these games? As it is. This page trains its PPO, and MaskablePPO of
sb3-contrib.
"""

# %%
# PPO
# ---
# ``make_sb3_vec_env`` makes a vector environment of Stable-Baselines3's own kind.
# ``policy_kwargs()`` gives the policy a reader of prefixes: an embedding of tokens and
# a GRU. Without it an ``MlpPolicy`` would take token ids for amounts.
#
# A text of this game has ten tokens, so a rollout of ``n_steps=10`` holds one whole
# text a row. ``gamma=1.0`` leaves the return undiscounted.
import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

import textgen_env
from agents.data.episodes import evaluate
from textgen_env.sb3 import make_sb3_vec_env, policy_kwargs
from textgen_env.solve import solve

gym.register_envs(textgen_env)


class Curve(BaseCallback):
    """Notes the mean return of the latest episodes after every rollout."""

    def __init__(self):
        super().__init__()
        self.points = []

    def _on_step(self):
        return True

    def _on_rollout_end(self):
        returns = [episode["r"] for episode in self.model.ep_info_buffer]
        self.points.append((self.num_timesteps, np.mean(returns)))


settings = dict(
    n_steps=10,
    batch_size=320,
    n_epochs=4,
    gamma=1.0,
    gae_lambda=1.0,
    learning_rate=0.003,
    seed=0,
)


def trained(envs, steps):
    """PPO after so many steps, and its learning curve."""
    curve = Curve()
    model = PPO("MlpPolicy", envs, policy_kwargs=policy_kwargs(), **settings)
    return model.learn(steps, callback=curve), curve.points


plain = VecMonitor(make_sb3_vec_env("TextGen-OracleSmall-v0", num_envs=64, seed=0))
model, points = trained(plain, 40_000)

# %%
# Returns in nats
# ---------------
# The return is the oracle's log-likelihood: -70 nats and more for a random text. PPO's
# value function has to fit numbers of that size, and its error drowns the policy's
# gradient in the network that the two share. ``VecNormalize`` scales rewards. Token ids
# are names, so ``norm_obs=False``.
scaled = VecNormalize(
    VecMonitor(make_sb3_vec_env("TextGen-OracleSmall-v0", num_envs=64, seed=0)),
    norm_obs=False,
    gamma=1.0,
)
normalised, normalised_points = trained(scaled, 40_000)

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(*zip(*points, strict=True), label="PPO")
axes.plot(*zip(*normalised_points, strict=True), label="PPO with VecNormalize")
axes.set(xlabel="tokens written", ylabel="mean return (nats a text)")
axes.legend()
plt.show()

# %%
# Evaluate
# --------
# Stable-Baselines3's ``evaluate_policy`` works. So does the function that evaluates
# every agent here, which also returns the texts.
mean, deviation = evaluate_policy(
    normalised, plain, n_eval_episodes=256, deterministic=False
)
print(f"evaluate_policy: {mean:.1f} nats a text (standard deviation {deviation:.1f})")

envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=64)
for name, each in (("PPO", model), ("PPO with VecNormalize", normalised)):
    played = evaluate(each.predict, envs, episodes=512, seed=0)
    print(f"{name}: {played.returns.mean():.1f} nats a text")

# %%
# Masks
# -----
# Some games forbid tokens. Here no text may end before its fourth token. MaskablePPO
# asks the environment for the mask at every step; nothing else changes. The other
# algorithms know no masks, and a forbidden token is an error: give them games that
# forbid none. This game is so small that the best possible return is known.
short = VecMonitor(
    make_sb3_vec_env("TextGen-Tiny-v0", num_envs=64, seed=0, min_length=4)
)
masked = MaskablePPO(
    "MlpPolicy",
    short,
    policy_kwargs=policy_kwargs(hidden_size=32),
    **{**settings, "n_steps": 5},
)
masked.learn(20_000)

envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64, min_length=4)
played = evaluate(masked.predict, envs, episodes=256, seed=0, masked=True)
print(f"mean return {played.returns.mean():.2f}, at best {solve(envs).optimum:.2f}")
print(f"shortest text: {played.texts.lengths.min()} tokens")

# %%
# A2C, DQN, RecurrentPPO, QRDQN and TRPO train likewise. Games with a source, such as
# ``TextGen-NumberWords-v0``, have a ``Dict`` of observations and take
# ``"MultiInputPolicy"``.
#
# Where to go next
# ----------------
# * :doc:`cleanrl`: a training loop of your own, in one file.
# * :doc:`reading_report`: algorithms of Stable-Baselines3 beside others in one table.
# * :doc:`right_answer`: how far from the optimum an agent is.
# * :doc:`/explanations/migration`: if you come from RL4LMs, Texygen or TRL.
