"""
Your own agent in the benchmark
===============================

How do you compare an algorithm of your own with those that are here? Write its loss, check it, and add it to an
experiment by its import path.
"""

# %%
# The Protocol
# ------------
# An agent is a class with ``train``, ``predict``, ``sample``, ``log_prob``, ``save``
# and ``load``; ``agents/protocol.py`` says what each does. You may write all six. On
# the shared base an algorithm is its loss: the base plays the batch, steps Adam, saves
# and resumes.
#
# This one learns from the eight best texts of each batch, and from no others. Its
# hyperparameters are a frozen dataclass.
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from agents.testing import check_agent

SOURCE = '''\
from dataclasses import dataclass

import numpy as np
from agents.functional.losses import policy_gradient_loss
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig


@dataclass(frozen=True)
class BestOfConfig(PolicyGradientConfig):
    best: int = 8  # texts of each batch that are learned from


class BestOf(PolicyGradientAgent):
    """Makes the best texts of each batch likelier."""

    config_class = BestOfConfig

    def losses(self, batch):
        log_probs, entropy, _ = self.log_probs_and_entropy(batch)
        chosen = np.zeros_like(batch.rewards)
        chosen[np.argsort(batch.returns)[-self.config.best :]] = 1.0
        weights = self.float_tensor(chosen)
        policy = policy_gradient_loss(log_probs, weights, batch.written)
        return {"policy": policy, "entropy": entropy}
'''

# %%
# Check it
# --------
# The benchmark finds an agent by its import path, so the class stands in a file.
# ``check_agent`` makes agents of it on a tiny game and holds them to what the Protocol
# says: probabilities add up to 1 and are those of what is drawn, training is repeated
# by its seed, a saved agent goes on as if it had never been away.
folder = tempfile.TemporaryDirectory()
(Path(folder.name) / "my_agents.py").write_text(SOURCE, encoding="utf-8")
sys.path.insert(0, folder.name)

BestOf = importlib.import_module("my_agents").BestOf
check_agent(BestOf)
print("BestOf: passes")

# %%
# What is wrong is said in words. Here ``predict`` forgets to be greedy when it is asked
# to be.


class Undecided(BestOf):
    """Draws its tokens, whatever it is asked."""

    def predict(
        self,
        observation,
        state=None,
        episode_start=None,
        deterministic=False,
        action_masks=None,
    ):
        return super().predict(observation, state, episode_start, False, action_masks)


try:
    check_agent(Undecided)
except AssertionError as error:
    print("Undecided:", error)

# %%
# Add it to an experiment
# -----------------------
# Any experiment takes ``--agent``: ``python -m benchmarks run exact --agent
# my_agents:BestOf``. An experiment of your own is data in a file. This one is played on
# the game of :doc:`right_answer`, whose optimum is known.
EXPERIMENT = """\
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

EXPERIMENT = Experiment(
    name="best_of",
    description="Is it enough to learn from the best texts?",
    env_id="TextGen-Tiny-v0",
    algorithms=(
        Algorithm("Uniform", "uniform"),
        Algorithm("REINFORCE", "reinforce", total_tokens=20_000),
    ),
    evaluation=Evaluation(
        points=4, episodes=128, final_episodes=512, measures=("distinct_2",)
    ),
    baseline="Uniform",
    goal="optimum",
    compared_with="REINFORCE",
)
"""
(Path(folder.name) / "my_experiments.py").write_text(EXPERIMENT, encoding="utf-8")


COMMAND = """\
-m benchmarks run my_experiments:EXPERIMENT
--agent my_agents:BestOf --tokens 20000 --seeds 3 --jobs 1
"""
done = subprocess.run(
    [sys.executable, *COMMAND.split()],
    cwd=folder.name,
    env={**os.environ, "COLUMNS": "86"},
    capture_output=True,
    text=True,
    check=True,
)
print(done.stdout.replace(f"{Path(folder.name).resolve()}{os.sep}", ""))

# %%
# The answer is no, or not with these settings: all but ``best`` are the base's, and its
# entropy bonus is strong beside a loss of eight texts in 64. ``Algorithm("BestOf-0",
# "my_agents:BestOf", 20_000, hyperparameters={"entropy_weight": 0.0})`` in the
# experiment would try others.
#
# Learning curves are drawn beside the table.
figure, axes = plt.subplots(figsize=(6, 4.6), layout="constrained")
axes.imshow(plt.imread(Path(folder.name) / "runs" / "best_of" / "curve_tokens.png"))
axes.axis("off")
plt.show()
folder.cleanup()

# %%
# The same on your command line, where the two files lie:
#
# .. code-block:: sh
#
#     python -m benchmarks run my_experiments:EXPERIMENT --seeds 3 \
#         --agent my_agents:BestOf --tokens 20000
#
# What is done is kept: run it again with ``--seeds 10``, and only seven seeds are left
# to do. The page at the end has the learning curves, the sample texts and every number.
#
# In a package of your own, ``agents.register_agent("best_of", "my_agents:BestOf")``
# gives it a name.
#
# Where to go next
# ----------------
# * :doc:`reading_report`: what the table and the page say.
# * :doc:`right_answer`: is its gradient right?
# * :doc:`table1`: a published comparison, run again.
