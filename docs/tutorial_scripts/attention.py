"""
Conditional generation with attention
=====================================

How does an agent write a text that answers a source? In this game the source is a number in digits, and the text spells
it out in French. This page trains one agent with attention and one without, and draws where the first one looks.
"""

# %%
# The game
# --------
# The observation is a ``Dict``: the ``source``, and the ``tokens`` written so far. The
# reward is BLEU against the number's words. Training and test numbers are disjoint.
import gymnasium as gym
import matplotlib.pyplot as plt
import torch

import textgen_env
from agents.data.episodes import evaluate
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.ppo import PPO, PPOConfig

gym.register_envs(textgen_env)

NUMBERS = {"max_number": 9_999}
envs = gym.make_vec("TextGen-NumberWords-v0", num_envs=64, **NUMBERS)
test = gym.make_vec("TextGen-NumberWords-v0", num_envs=64, split="test", **NUMBERS)
task = envs.unwrapped.task
observation, _ = test.reset(seed=0)
print({name: array[0].tolist() for name, array in observation.items()})
print(task.sources.vocabulary.decode(observation["source"][0]))

# %%
# Two agents
# ----------
# Both read the source with one network and write with another. Without attention, all
# that the writer knows of the source is the state it begins in. With attention it looks
# at every digit again before each word. Any agent takes ``attention="dot"``,
# ``"general"`` or ``"additive"``.
agents = {}
for name, kind in (("without attention", "none"), ("with attention", "additive")):
    agents[name] = MLE(envs, MLEConfig(attention=kind, learning_rate=0.01), seed=0)
    agents[name].train(envs, total_tokens=80_000)
    played = evaluate(
        agents[name].predict, test, episodes=512, deterministic=True, seed=0
    )
    print(f"{name}: BLEU {played.returns.mean():.2f} on numbers never seen")

# %%
# Where it looks
# --------------
# ``attention_weights`` gives, for each word, how the agent's attention was spread over
# the digits where the word was chosen. ``python -m benchmarks plot-attention RUN
# --source 4097`` draws this map of any finished run.
number = int(task.test_sequences().sources[3])
source = task.sources.tokens[number]
env = gym.make("TextGen-NumberWords-v0", split="test", **NUMBERS)
observation, _ = env.reset(options={"source": number})
terminated, state = False, None
while not terminated:
    action, state = agents["with attention"].predict(
        observation, state, deterministic=True
    )
    observation, _, terminated, _, info = env.step(action)
print(number, "->", info["text"])

network = agents["with attention"].policy_network
with torch.no_grad():
    weights = network.attention_weights(
        torch.from_numpy(info["tokens"][None]), torch.from_numpy(source[None])
    )[0].numpy()
digits = [
    task.sources.vocabulary.tokens[token]
    for token in source
    if token < len(task.sources.vocabulary)
]
words = [
    task.vocabulary.tokens[token].strip() for token in info["tokens"][: info["length"]]
]

figure, axes = plt.subplots(figsize=(4.4, 3.6), layout="constrained")
image = axes.imshow(
    weights[: len(words), : len(digits)], cmap="Blues", vmin=0, vmax=1, aspect="auto"
)
axes.set_xticks(range(len(digits)), digits)
axes.set_yticks(range(len(words)), words)
axes.set(xlabel="source", ylabel="written, from the top")
figure.colorbar(image, label="weight")
plt.show()

# %%
# A reward in place of examples
# -----------------------------
# An agent can learn this game from a reward alone, if each token is paid for the error
# it makes. ``reward_mode="dense"`` pays the change of the negative error rate;
# ``discount=0`` credits a token with that and nothing later.
errors = {"name": "error_rate", "output": "negative"}
paid = gym.make_vec(
    "TextGen-NumberWords-v0", num_envs=64, reward=errors, reward_mode="dense", **NUMBERS
)
agent, curve = (
    PPO(paid, PPOConfig(attention="general", discount=0.0, entropy_weight=0.1), seed=0),
    [],
)
agent.train(
    paid, 40_000, lambda now: curve.append((now.tokens_generated, -now.mean_return))
)
played = evaluate(agent.predict, test, episodes=512, deterministic=True, seed=0)
print(f"from the reward alone: BLEU {played.returns.mean():.2f} on numbers never seen")

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(*zip(*curve, strict=True))
axes.set(xlabel="tokens written", ylabel="word error rate of a batch")
plt.show()

# %%
# Examples teach faster than a reward does. A source of your own needs nothing but
# pairs: ``gym.make("TextGen-Parallel-v0", pairs=[("un chat", "a cat"), ...])``, or
# ``path="pairs.tsv"``.
#
# Where to go next
# ----------------
# * :doc:`own_reward`: a reward ``f(texts, sources)`` of your own.
# * :doc:`own_file`: what becomes of the texts of a file.
# * :doc:`reading_report`: is the difference more than chance?
