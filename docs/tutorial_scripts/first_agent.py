"""
A first agent
=============

How does an agent learn to write? This page trains one in twenty lines and a few seconds. The game is to write an
English caption, word by word. The reward is BLEU against ten thousand captions that the agent never gets to see.
"""

# %%
# Train
# -----
# ``make_vec`` makes 64 copies of the game, which are played together in one process.
# Each token is an action; the end token ends the text. With ``reward_mode="dense"``
# every token earns at once what it adds to the score, in place of one payment at the
# end.
#
# ``Reinforce`` is a policy-gradient agent with an LSTM. It is told nothing but the
# rewards. ``train`` calls a function of yours after every update.
import textwrap

import gymnasium as gym
import matplotlib.pyplot as plt

import textgen_env
from agents.data.episodes import evaluate
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig

gym.register_envs(textgen_env)

envs = gym.make_vec("TextGen-Captions-v1", num_envs=64, reward_mode="dense")
agent = Reinforce(envs, ReinforceConfig(entropy_weight=0.05), seed=0)

before = evaluate(agent.predict, envs, episodes=256, seed=0)
curve = []
agent.train(
    envs,
    total_tokens=100_000,
    callback=lambda now: curve.append((now.tokens_generated, now.mean_return)),
)
after = evaluate(agent.predict, envs, episodes=256, seed=0)

print(f"BLEU before training: {before.returns.mean():.2f}")
print(f"BLEU after training:  {after.returns.mean():.2f}")

# %%
# The learning curve
# ------------------
# Each point is the mean reward of the 64 texts of one update.
tokens, returns = zip(*curve, strict=True)
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(tokens, returns)
axes.set(xlabel="tokens written", ylabel="mean BLEU of a batch", ylim=(0, 1))
plt.show()

# %%
# What it writes
# --------------
# ``evaluate`` returns the texts, too.
vocabulary = envs.unwrapped.task.vocabulary
for title, played in (("before", before), ("after", after)):
    print(title)
    for tokens in played.texts.tokens[:4]:
        print("   ", textwrap.shorten(vocabulary.decode(tokens), 70))

# %%
# The score is high, and the texts are all alike. That is the first lesson of
# reinforcement learning on text: an agent learns what the reward says, and this reward
# says nothing of variety. It asks only that the word sequences of a text stand
# somewhere in the references.
#
# Where to go next
# ----------------
# * :doc:`own_file` begins with imitation, so that the texts stay varied, and lets BLEU improve them.
# * :doc:`own_reward` shows how to pay for what you want.
# * :doc:`right_answer` holds an agent against the best that is possible.
