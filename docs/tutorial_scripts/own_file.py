"""
Your own file as a game
=======================

How do you train an agent to write texts like yours? You need one file with a text a line. This page writes such a file,
looks at what becomes of it, imitates it, and then goes on with reinforcement learning.
"""

# %%
# A file
# ------
# Yours may be a ``.txt``, or a ``.csv``, ``.tsv`` or ``.jsonl`` with ``field="text"``.
# This one holds short reviews of restaurants, put together at random. An empty line, a
# misspelt word and a long text are among them, as in any file.
import tempfile
from pathlib import Path

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

import textgen_env
from agents.data.episodes import evaluate
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig

gym.register_envs(textgen_env)

rng = np.random.default_rng(0)
DISHES = "soup fish bread salad cake rice curry pie tea wine cheese pasta".split()
WORDS = "cold/fresh/great/too sweet/a bit dry/very good/far too salty/not for me/worth it".split(
    "/"
)
STARTS = ["", "last night ", "on monday ", "after a long wait ", "as always , "]
ENDINGS = "/ and the waiter was kind/ but the room was loud/ so we will come back/ , sadly".split(
    "/"
)
FORMS = [
    "{s}the {0} was {2}{e} .",
    "{s}the {0} was {2} , the {1} {3}{e} !",
    "{s}we had {0} and {1} , which were {2}{e} .",
]


def review():
    dishes, words = rng.permutation(DISHES)[:2], rng.permutation(WORDS)[:2]
    return rng.choice(FORMS).format(
        *dishes, *words, s=rng.choice(STARTS), e=rng.choice(ENDINGS)
    )


texts = [review() for _ in range(2_000)]
texts += [
    "",
    "the soop was fresh .",
    "we came for " + " , ".join(DISHES) + " and left with nothing but the bill .",
]
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "reviews.txt"
path.write_text("\n".join(texts), encoding="utf-8")
print("\n".join(texts[:3]))

# %%
# What becomes of it
# ------------------
# ``TextGen-Corpus-v0`` cuts the texts into tokens, keeps a tenth of them for testing,
# and chooses the vocabulary size ``V`` and the horizon ``T``. The report says what was
# left out, and why. Read it before you train: a file that loses half of its texts here
# needs other settings.
env = gym.make("TextGen-Corpus-v0", path=str(path), min_count=2)
print(env.unwrapped.task.report)

# %%
# On the command line, ``python -m textgen_env.data describe reviews.txt --min-count 2``
# prints the same.
#
# Unknown tokens
# --------------
# With ``min_count=2`` a word that stands only once is not in the vocabulary. It is read
# as ``<unk>``, a token like others, which an agent may write, too. With
# ``unknown="drop"`` there is no such token; a text with an unknown word is left out.
for unknown in ("replace", "drop"):
    task = gym.make(
        "TextGen-Corpus-v0", path=str(path), min_count=2, unknown=unknown
    ).unwrapped.task
    training = task.report.training
    print(
        f"{unknown}: {training.kept} training texts,",
        f"<unk> is a token: {'<unk>' in task.vocabulary.tokens}",
    )

# %%
# Tokenization
# ------------
# A token may be a word, a character or a piece of a word. Small tokens make a small
# vocabulary and long texts. Long texts are harder to learn from a reward, since one
# number has to be shared out among more actions.
for tokenization in ("word", "character", {"name": "subword", "vocab_size": 120}):
    task = gym.make(
        "TextGen-Corpus-v0", path=str(path), tokenization=tokenization
    ).unwrapped.task
    first = task.training_sequences().tokens[0]
    shown = [
        task.vocabulary.tokens[token] for token in first if token < len(task.vocabulary)
    ][:8]
    print(f"V={len(task.vocabulary):3}  T={task.max_length:3}  {shown}")

# %%
# Imitate first
# -------------
# ``MLE`` makes the training texts likely, one token at a time. That is how language
# models are trained, and it is where reinforcement learning should begin. A random
# agent would soon settle for one short text, as in :doc:`first_agent`.
envs = gym.make_vec(
    "TextGen-Corpus-v0", num_envs=64, path=str(path), min_count=2, unknown="drop"
)
vocabulary = envs.unwrapped.task.vocabulary
imitator = MLE(envs, MLEConfig(learning_rate=0.01), seed=0)
imitator.train(envs, total_tokens=25_000)


def show(name, agent):
    """Prints the BLEU of 500 texts, how many of them differ, and three."""
    played = evaluate(agent.predict, envs, episodes=500, seed=1)
    different = len(np.unique(played.texts.tokens, axis=0)) / len(played.returns)
    print(f"{name}: BLEU {played.returns.mean():.2f}, {different:.0%} of texts differ")
    for tokens in played.texts.tokens[:3]:
        print("   ", vocabulary.decode(tokens))
    return played.returns.mean()


imitated = show("imitation", imitator)

# %%
# Then follow the reward
# ----------------------
# ``initialise_from`` begins with the policy of another agent. The reward of this game
# is BLEU against the training texts, their beginnings and ends included. With a
# ``likelihood_weight`` every update imitates as well.
curves = {}
for name, weight in (("BLEU", 0.0), ("BLEU and likelihood", 0.1)):
    settings = ReinforceConfig(
        learning_rate=0.002, entropy_weight=0.0, likelihood_weight=weight
    )
    learner = Reinforce(envs, settings, seed=0)
    learner.initialise_from(imitator)
    curve = curves[name] = []

    def note(now, curve=curve):
        curve.append((now.tokens_generated + now.tokens_read, now.mean_return))

    learner.train(envs, total_tokens=60_000, callback=note)
    show(f"imitation, then {name}", learner)

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, curve in curves.items():
    axes.plot(*zip(*curve, strict=True), label=name)
axes.axhline(imitated, color="grey", linestyle="--", label="imitation")
axes.set(
    xlabel="tokens written and read, imitation included", ylabel="mean BLEU of a batch"
)
axes.legend()
plt.show()

# %%
# Is it better than imitation?
# ----------------------------
# BLEU alone buys its gain with variety: many texts are written again and again. The
# likelihood term keeps it. Before you call either a success, spend the same tokens on
# more imitation:
imitator.train(envs, total_tokens=60_000)
show("imitation for longer", imitator)
folder.cleanup()

# %%
# On a small regular language like this one imitation is hard to beat. Reinforcement
# learning pays where the reward says something that the texts do not show.
#
# Where to go next
# ----------------
# * :doc:`own_reward`: pay for what you want.
# * :doc:`reading_report`: compare agents over seeds, with BLEU and variety side by side.
# * :doc:`attention`: texts that answer a source, such as translations.
# * :doc:`stable_baselines3`: the same games for an agent of Stable-Baselines3.
# * :doc:`/explanations/likelihood_to_policy_gradient`: the road from imitation to
#   reward.
