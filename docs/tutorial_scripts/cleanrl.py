"""
CleanRL, TorchRL, and a loop of your own
========================================

How do you train with a single-file script in the manner of CleanRL? The environments are Gymnasium's vector
environments, so a script keeps its loop. It changes two things: how the environments are made, and the first layer of
its network. This page is such a script.
"""

# %%
# The environments
# ----------------
# CleanRL's ``ppo.py`` builds ``gym.vector.SyncVectorEnv([make_env(...) ...])``, which
# steps one environment after another. ``gym.make_vec`` makes all rows one environment
# of arrays. In the mode ``"SameStep"`` a row that ends begins anew in the same step, so
# that no step of a rollout is wasted.
import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

import textgen_env

gym.register_envs(textgen_env)

NUM_ENVS, NUM_STEPS, UPDATES = 64, 10, 80
EPOCHS, MINIBATCHES, LEARNING_RATE, MAX_GRAD_NORM = 4, 4, 0.003, 0.5
GAMMA, GAE_LAMBDA, CLIP = 1.0, 0.95, 0.2
ENTROPY, VALUE = 0.01, 0.5

torch.manual_seed(0)
envs = gym.make_vec(
    "TextGen-OracleSmall-v0", num_envs=NUM_ENVS, autoreset_mode="SameStep"
)
vocab_size = int(envs.single_action_space.n)
horizon = envs.single_observation_space.shape[0]

# %%
# The network
# -----------
# An observation is a row of token ids. They are names, so the first layer is an
# embedding, of ``V + 1`` ids: the blank is one of them. What comes after it may stay as
# it is. Here a linear layer reads the ``T`` embedded places, as in CleanRL, with the
# last layer's weights small.


def layer(inputs, outputs, gain=2**0.5):
    """A linear layer with orthogonal weights."""
    made = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(made.weight, gain)
    nn.init.zeros_(made.bias)
    return made


class Agent(nn.Module):
    """Policy and value of a prefix."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Embedding(vocab_size + 1, 32),
            nn.Flatten(),
            layer(32 * horizon, 128),
            nn.Tanh(),
            layer(128, 128),
            nn.Tanh(),
        )
        self.actor, self.critic = layer(128, vocab_size, 0.01), layer(128, 1, 1.0)

    def forward(self, observations):
        """The distribution of the next token, and the values (N,)."""
        hidden = self.body(observations)
        return Categorical(logits=self.actor(hidden)), self.critic(hidden).squeeze(-1)


agent = Agent()
optimiser = torch.optim.Adam(agent.parameters(), lr=LEARNING_RATE, eps=1e-5)

# %%
# The loop
# --------
# Rollout, advantages, epochs of minibatches: PPO as everybody writes it. Rewards are
# nats, some -7 a token at first; a tenth of them suits a critic. A finished text's
# return is the sum of its rewards.
observations = torch.zeros((NUM_STEPS, NUM_ENVS, horizon), dtype=torch.long)
actions = torch.zeros((NUM_STEPS, NUM_ENVS), dtype=torch.long)
log_probs, rewards, dones, values = (
    torch.zeros((NUM_STEPS, NUM_ENVS)) for _ in range(4)
)
observation, _ = envs.reset(seed=0)
running, curve = np.zeros(NUM_ENVS), []
for update in range(UPDATES):
    finished = []
    for step in range(NUM_STEPS):
        observations[step] = torch.from_numpy(observation)
        with torch.no_grad():
            distribution, values[step] = agent(observations[step])
        actions[step] = distribution.sample()
        log_probs[step] = distribution.log_prob(actions[step])
        observation, reward, terminated, truncated, _ = envs.step(actions[step].numpy())
        ended = terminated | truncated
        rewards[step], dones[step] = (
            torch.from_numpy(reward) / 10,
            torch.from_numpy(ended),
        )
        running += reward
        finished.extend(running[ended])
        running[ended] = 0.0
    curve.append(((update + 1) * NUM_ENVS * NUM_STEPS, np.mean(finished)))

    with torch.no_grad():
        _, following = agent(torch.from_numpy(observation))
        advantages, carried = torch.zeros_like(rewards), torch.zeros(NUM_ENVS)
        for step in reversed(range(NUM_STEPS)):
            going = 1.0 - dones[step]
            error = rewards[step] + GAMMA * following * going - values[step]
            advantages[step] = carried = error + GAMMA * GAE_LAMBDA * going * carried
            following = values[step]
        targets = advantages + values

    parts = [
        part.flatten(0, 1)
        for part in (observations, actions, log_probs, advantages, targets)
    ]
    for _ in range(EPOCHS):
        for chosen in torch.randperm(NUM_ENVS * NUM_STEPS).chunk(MINIBATCHES):
            seen, taken, old, advantage, target = (part[chosen] for part in parts)
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            distribution, value = agent(seen)
            ratio = (distribution.log_prob(taken) - old).exp()
            policy_loss = -torch.min(
                advantage * ratio, advantage * ratio.clamp(1 - CLIP, 1 + CLIP)
            ).mean()
            value_loss = 0.5 * (value - target).square().mean()
            loss = (
                policy_loss
                + VALUE * value_loss
                - ENTROPY * distribution.entropy().mean()
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), MAX_GRAD_NORM)
            optimiser.step()

(_, first), (written, last) = curve[0], curve[-1]
print(f"mean return: {first:.1f} at first, {last:.1f} nats after {written:,} tokens")
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(*zip(*curve, strict=True))
axes.set(xlabel="tokens written", ylabel="mean return (nats a text)")
plt.show()

# %%
# In CleanRL's own ppo.py
# -----------------------
# The same two changes, in place of ``envs = gym.vector.SyncVectorEnv(...)`` and of the
# first layer of the actor and of the critic, with the width of the layer that follows:
#
# .. code-block:: python
#
#     import textgen_env
#     envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=args.num_envs, autoreset_mode="SameStep")
#     envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)
#
#     class Embedded(nn.Module):
#         def __init__(self, envs):
#             super().__init__()
#             self.table = nn.Embedding(envs.single_action_space.n + 1, 32)
#
#         def forward(self, x):
#             return self.table(x.long()).flatten(1)
#
# Games with a source have a ``Dict`` of observations, which the script's buffers do not
# hold: embed both parts, or keep two buffers.
#
# TorchRL
# -------
# TorchRL wraps a single environment by its id, and a vector environment as it is. Both
# lines were run with TorchRL 0.14.1; it is not among the packages that this site is
# built with.
#
# .. code-block:: python
#
#     import gymnasium as gym
#     import textgen_env
#     from torchrl.envs import GymEnv, GymWrapper
#
#     env = GymEnv("TextGen-Captions-v1")
#     envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=64, autoreset_mode="SameStep")
#     envs = GymWrapper(envs, categorical_action_encoding=True)
#     print(envs.rollout(20, break_when_any_done=False)["next", "reward"].mean())
#
# Where to go next
# ----------------
# * :doc:`own_agent`: the same algorithm as an agent of the benchmark, in a dozen lines.
# * :doc:`stable_baselines3`: PPO from a library.
# * :doc:`right_answer`: is a gradient right?
