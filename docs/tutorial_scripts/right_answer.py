"""
What the right answer is
========================

How good could an agent be, and is its gradient right? In a small game both can be computed exactly. This page solves
one, and holds an agent against the solution.
"""

# %%
# The game as a Markov decision process
# -------------------------------------
# A state is the prefix written so far, an action is the next token. With four tokens
# and five places there are few states. ``TextMDP`` holds all of them, with the reward
# of each token.
import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import torch

import textgen_env
from agents.exact import estimated_gradient, exact_gradient, policy_table
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from textgen_env.solve import (
    TextMDP,
    all_texts,
    backward_induction,
    entropy,
    expected_return,
    greedy_policy,
    greedy_texts,
    soft_optimum,
    soft_policy,
)

gym.register_envs(textgen_env)

envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
vocabulary = envs.unwrapped.task.vocabulary
mdp = TextMDP.of(envs)
print(f"{mdp.num_states} states, {len(all_texts(mdp).tokens)} texts")

# %%
# Backward induction
# ------------------
# A text only grows. So one sweep from the longest prefixes to the shortest solves the
# Bellman optimality equation,
#
# .. math:: V(s) = \max_a \left( r(s, a) + V(s') \right).
values = backward_induction(mdp)
optimum = float(mdp.start @ values.V)
best = greedy_texts(mdp, greedy_policy(values.Q))
print(f"optimum {optimum:.3f}: {vocabulary.decode(best.tokens[0])!r}")

# %%
# ``textgen_env.solve.solve(env)`` does all of this in one call. A game that is too
# large is refused before anything is allocated.
#
# The soft optimum
# ----------------
# An agent with an entropy bonus looks for another policy: the best one that also earns
# :math:`\tau` for each nat of its entropy. It writes text :math:`x` with probability
# proportional to :math:`\exp(R(x) / \tau)`. The higher the temperature :math:`\tau`,
# the more varied the texts, and the lower the return.
temperatures = (0.1, 0.3, 1.0, 3.0)
soft = {tau: soft_policy(soft_optimum(mdp, tau).Q, tau) for tau in temperatures}
for tau, policy in soft.items():
    earned, nats = expected_return(mdp, policy), entropy(mdp, policy)
    print(f"tau={tau:3}: return {earned:6.3f}, entropy {nats:.2f} nats a text")

# %%
# Hold an agent against it
# ------------------------
# ``policy_table`` asks an agent for its probabilities in every state. Its expected
# return is then a sum over all texts, without any sampling error.
agent = Reinforce(envs, ReinforceConfig(), seed=0)
curve = [(0, expected_return(mdp, policy_table(agent, mdp)))]


def note(progress):
    """Notes the exact expected return after every update."""
    curve.append(
        (progress.tokens_generated, expected_return(mdp, policy_table(agent, mdp)))
    )


agent.train(envs, total_tokens=40_000, callback=note)
print(f"the agent: {curve[-1][1]:.3f}, the optimum: {optimum:.3f}")

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(*zip(*curve, strict=True), label="expected return, exactly")
axes.axhline(optimum, color="grey", linestyle="--", label="optimum")
axes.set(xlabel="tokens written", ylabel="return")
axes.legend()
plt.show()

# %%
# Is the gradient right?
# ----------------------
# The policy gradient theorem gives the gradient of the expected return, over all states
# and tokens at once. An agent estimates it from the texts of a batch. For a fresh
# agent, the cosine between estimate and truth says how good one update is. Without a
# bias it tends to 1 as the batch grows.
fresh = Reinforce(envs, ReinforceConfig(scale_advantages=False), seed=1)


def joined(gradient):
    """The gradient of all parameters as one vector."""
    return torch.cat([part.flatten() for part in gradient]).double()


truth = joined(exact_gradient(fresh, mdp))
sizes = [2**power for power in range(6, 14)]
cosines = [
    [
        float(
            torch.cosine_similarity(
                joined(estimated_gradient(fresh, envs, size).gradient), truth, dim=0
            )
        )
        for _ in range(5)
    ]
    for size in sizes
]

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(sizes, np.mean(cosines, axis=1), marker="o")
axes.fill_between(sizes, np.min(cosines, axis=1), np.max(cosines, axis=1), alpha=0.2)
axes.set(
    xscale="log", xlabel="texts of a batch", ylabel="cosine with the exact gradient"
)
plt.show()

# %%
# ``python -m benchmarks variance`` measures bias and variance of every estimator here
# in this way, and ``python -m benchmarks run exact`` holds every agent to the optimum.
#
# Where to go next
# ----------------
# * :doc:`own_agent`: ``check_agent`` holds your own agent to the same answers.
# * :doc:`cleanrl`: a training loop of your own.
# * :doc:`reading_report`: where no exact answer is known, seeds and intervals take its place.
# * :doc:`/explanations/decision_process`: the equations behind this page.
