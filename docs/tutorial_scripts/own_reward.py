"""
Your own reward on strings
==========================

How do you pay an agent for what *you* want of a text? Write a function of strings. This page writes two, checks one,
adds BLEU to it, and lets an agent learn it.
"""

# %%
# A function of strings
# ---------------------
# It takes a list of texts, all that end in one step, and returns a number for each.
# Larger is better. It may call what it likes: a regular expression, a classifier, a
# program that compiles the text.
import gymnasium as gym
import matplotlib.pyplot as plt

import textgen_env
from agents.data.episodes import evaluate
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.ppo import PPO, PPOConfig
from textgen_env import combine, text_reward
from textgen_env.testing import check_reward

gym.register_envs(textgen_env)

ANIMALS = set(
    "dog dogs cat cats horse horses sheep bird birds cow cows bear bears".split()
)


def animals(texts):
    """The number of animals in each text, at most two."""
    return [min(2.0, sum(word in ANIMALS for word in text.split())) for text in texts]


# %%
# ``text_reward`` makes it a reward of any environment.
env = gym.make("TextGen-Captions-v1", reward=text_reward(animals))
task = env.unwrapped.task


def written(env, caption):
    """Writes a caption, word by word, and returns what the last step says."""
    env.reset(seed=0)
    for token in task.vocabulary.encode([*caption.split(), "<eos>"]):
        _, reward, _, _, info = env.step(token)
    return reward, info


reward, info = written(env, "a dog and a cat are sleeping on the grass .")
print(f"{info['text']!r} earns {reward}")

# %%
# Check it
# --------
# A reward must score a text alone as it does in a batch, and it must score it again the
# same. ``check_reward`` plays texts and says what does not hold. Here is a function
# that breaks the first rule.
check_reward(text_reward(animals), task)
print("animals: passes")


def more_than_others(texts):
    """The length of each text, less the mean of those that ended with it."""
    lengths = [len(text) for text in texts]
    return [length - sum(lengths) / len(lengths) for length in lengths]


try:
    check_reward(text_reward(more_than_others), task)
except AssertionError as error:
    print("more_than_others:", error)

# %%
# A reward alone
# --------------
# An agent that has learned to write captions is now paid for animals alone.
envs = gym.make_vec("TextGen-Captions-v1", num_envs=64, reward=text_reward(animals))
imitator = MLE(envs, MLEConfig(learning_rate=0.01), seed=0)
imitator.train(envs, total_tokens=300_000)
settings = PPOConfig(learning_rate=0.002, entropy_weight=0.0)


def learned(envs):
    """An agent that begins as the imitator and learns by PPO, and its curve."""
    agent, curve = PPO(envs, settings, seed=0), []
    agent.initialise_from(imitator)
    agent.train(
        envs, 60_000, lambda now: curve.append((now.tokens_generated, now.mean_return))
    )
    return agent, curve


def show(name, agent, envs):
    """Prints the mean return and four texts of an agent."""
    played = evaluate(agent.predict, envs, episodes=500, seed=1)
    print(f"{name}: mean return {played.returns.mean():.2f}")
    for tokens in played.texts.tokens[:4]:
        print("   ", task.vocabulary.decode(tokens))


show("imitation", imitator, envs)
alone, _ = learned(envs)
show("paid for animals", alone, envs)

# %%
# It is paid for animals, and animals are what it writes. Whether the text is still a
# caption, nobody asked.
#
# Several rewards at once
# -----------------------
# ``combine`` adds rewards with weights. A function and a reward of the package go
# together. ``reward_terms`` keeps the parts apart, each in its own unit, so that you
# see which of them is earned.
both = combine((1.0, text_reward(animals)), (2.0, "bleu"))
reward, info = written(
    gym.make("TextGen-Captions-v1", reward=both),
    "a dog and a cat are sleeping on the grass .",
)
print(
    f"{reward:.2f} in all:",
    {part: round(value, 2) for part, value in info["reward_terms"].items()},
)

# %%
together = gym.make_vec("TextGen-Captions-v1", num_envs=64, reward=both)
agent, curve = learned(together)
show("paid for animals and BLEU", agent, together)

# %%
# The parts, over 500 texts of each agent:
scorers = {"animals": text_reward(animals), "BLEU": "bleu"}
for name, writer in (
    ("imitation", imitator),
    ("animals", alone),
    ("animals and BLEU", agent),
):
    texts = evaluate(writer.predict, envs, episodes=500, seed=2).texts
    means = {
        part: gym.make("TextGen-Captions-v1", reward=reward)
        .unwrapped.score(texts.tokens, texts.lengths)
        .mean()
        for part, reward in scorers.items()
    }
    print(f"{name:18}", "  ".join(f"{part} {mean:.2f}" for part, mean in means.items()))

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(*zip(*curve, strict=True))
axes.set(xlabel="tokens written after imitation", ylabel="animals + 2 BLEU")
plt.show()

# %%
# The weight is yours to choose: what one point of BLEU is worth in animals. Look at the
# texts as well as at the number. Here the agent has found captions that earn nearly all
# there is, and writes little else.
#
# Where a name is needed
# ----------------------
# An experiment is plain data, so it names a function by its import path. These three
# are the same kind of thing:
#
# .. code-block:: python
#
#     reward = text_reward(animals)
#     reward = {"name": "text", "function": "my_rewards:animals"}
#     reward = {"name": "sum", "parts": [[1.0, {"name": "text", "function": "my_rewards:animals"}], [2.0, "bleu"]]}
#
# A function ``f(texts, sources)`` of a conditional game is handed the sources, too. A
# function of token ids takes ``f(tokens, lengths)`` and needs no ``text_reward``.
#
# Where to go next
# ----------------
# * :doc:`attention`: texts that answer a source.
# * :doc:`own_agent`: an algorithm of your own.
# * :doc:`reading_report`: what to compare, and over how many seeds.
