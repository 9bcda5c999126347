"""
Reading a report
================

Which agent is better, and is it more than chance? An experiment trains every agent with every seed and reports on them.
This page runs a small one and reads its report, line by line.
"""

# %%
# An experiment
# -------------
# An experiment is data: a game, some algorithms with their budgets, seeds, and what is
# measured. On the command line ``python -m benchmarks run module:EXPERIMENT`` does it;
# ``python -m benchmarks list`` shows those that are here. From Python it is
# ``run_experiment``. ``jobs=0`` does the runs in this process.
import csv
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from rich.console import Console

from benchmarks.analysis.load import collect
from benchmarks.report.document import document
from benchmarks.report.report import report
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

experiment = Experiment(
    name="small",
    description="Imitation, REINFORCE, and both, on the small oracle",
    env_id="TextGen-OracleSmall-v0",
    algorithms=(
        Algorithm("Uniform", "uniform"),
        Algorithm(
            "MLE", "mle", total_tokens=150_000, hyperparameters={"learning_rate": 0.01}
        ),
        Algorithm("REINFORCE", "reinforce", total_tokens=100_000),
        Algorithm(
            "MLE+REINFORCE",
            "reinforce",
            total_tokens=20_000,
            hyperparameters={"learning_rate": 0.001, "entropy_weight": 0.0},
            init_from="MLE",
        ),
    ),
    seeds=(0, 1, 2),
    evaluation=Evaluation(
        points=5,
        episodes=128,
        final_episodes=512,
        measures=("nll_oracle", "nll_test", "distinct_2"),
    ),
    baseline="Uniform",
    goal="greedy",
    compared_with="MLE",
    unit="nats a text",
    expected_shares={"REINFORCE": 0.2},
)
folder = tempfile.TemporaryDirectory()
results = run_experiment(
    experiment,
    Path(folder.name),
    jobs=0,
    listener=lambda event: None,
    notify=lambda words: None,
)
print(sorted(path.name for path in results.iterdir() if path.is_dir()))

# %%
# The table
# ---------
# ``report`` prints the table, and writes it beside the runs. A narrow terminal gets
# fewer columns.
with (Path(folder.name) / "printed.txt").open("w+", encoding="utf-8") as printed:
    page = report(results, Console(file=printed, width=120))
    printed.seek(0)
    words = printed.read()
print(words.partition("page:")[0])

# %%
# Read it so:
#
# * **runs**: finished of those asked for. A mean is over finished runs, so look here first.
# * **return**: what the agent was paid, mean and standard deviation *over seeds*. One seed is one observation, however
#   many texts it wrote.
# * **NLL_oracle** and **NLL_test**: how likely the oracle finds the agent's texts, and the agent the oracle's. A dagger
#   marks collapse: texts likelier than the oracle's own are repetition, not quality.
# * **distinct-2**: variety. REINFORCE earns much, and writes nearly the same text each time.
# * **tokens**: what it cost, generated and read. An agent that begins as another counts that one's tokens too.
# * The rows below the line are no agents: they are texts to compare with.
#
# Differences and verdicts
# ------------------------
# Each row is compared with ``compared_with`` by Welch's test over seeds, and Holm's
# correction is for the number of rows. With three seeds only large differences are
# found. A verdict says how far each agent came from the baseline to the goal;
# ``MISSED`` marks one that came less far than the experiment expected.
for verdict in document(collect(results)).verdicts:
    print(textwrap.fill(verdict.sentence, width=86))

# %%
# Intervals
# ---------
# ``table.csv`` has every number at full precision: the interquartile mean with a 95%
# interval by bootstrap over seeds, the lowest, the highest.
with (results / "table.csv").open(encoding="utf-8", newline="") as file:
    rows = [row for row in csv.DictReader(file) if row["measure"] == "nll_test"]
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
for height, row in enumerate(rows):
    mean, low, high = (float(row[name]) for name in ("iqm", "iqm_low", "iqm_high"))
    axes.plot([low, high], [height, height], color="C0")
    axes.plot(mean, height, "o", color="C0")
    print(f"{row['agent']:14} {mean:.3f}, 95% interval {low:.3f} to {high:.3f}")
axes.set_yticks(range(len(rows)), [row["agent"] for row in rows])
axes.invert_yaxis()
axes.set(xlabel="NLL_test (nats a token; lower is better)")
plt.show()

# %%
# Learning curves
# ---------------
# Lines are means over seeds, bands go from the lowest to the highest. Tokens read and
# tokens generated stand on one axis, since both are paid for.
# sphinx_gallery_thumbnail_number = 2
figure, axes = plt.subplots(figsize=(6, 4.6), layout="constrained")
axes.imshow(plt.imread(results / "curve_tokens.png"))
axes.axis("off")
plt.show()

# %%
# The page
# --------
# ``report.html`` holds all of this and the sample texts, the settings and the versions,
# in one file that loads nothing from elsewhere. Send it as it is. These are the files
# of an experiment:
print(*sorted(path.name for path in results.iterdir() if path.suffix), sep="\n")
folder.cleanup()

# %%
# Where to go next
# ----------------
# * :doc:`own_agent`: add an agent of your own to an experiment.
# * :doc:`table1`: a published comparison, run again.
# * :doc:`seqgan`: why NLL_oracle alone misleads.
# * :doc:`/explanations/seeds`: how many seeds a comparison needs.
