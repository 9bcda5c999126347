"""
Reproducing table 1
===================

Does an adversarial reward beat likelihood, as table 1 of the SeqGAN paper (Yu et al. 2017) says? One command runs the
comparison again, with the controls that the paper lacks. This page runs a miniature of it and reads the results that
are kept with the code.
"""

# %%
# The command
# -----------
# .. code-block:: sh
#
#     python -m benchmarks run table1 --size small
#
# The experiment comes in three sizes. Every adversarial row, and every control of one,
# begins as the maximum-likelihood agent of its seed and takes as many steps of its
# generator.
import csv
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
from rich.console import Console

import benchmarks
from benchmarks.catalogue import load_sizes
from benchmarks.experiments.table1 import SMALL
from benchmarks.report.report import report
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import runs_of

for size, experiment in load_sizes("table1").items():
    tokens = sum(run.algorithm.total_tokens for run in runs_of(experiment))
    print(
        f"{size:5} {len(runs_of(experiment))} runs, {tokens / 1e6:,.0f} million tokens"
    )
    print(
        textwrap.fill(
            experiment.description,
            80,
            initial_indent="      ",
            subsequent_indent="      ",
        )
    )

# %%
# A miniature
# -----------
# A size is a dataclass, so a smaller one is a ``replace`` away: two epochs of
# likelihood, ten steps of the generator, four rows, one seed. It shows that the
# machinery runs, and nothing about the question.
mini = replace(
    SMALL, mle_epochs=2, g_steps=10, d_pretrain_steps=2, rollouts=4
).experiment("mini", "a miniature", seeds=(0,))
shown = ("MLE", "MLE-T0.9", "SeqGAN-steady", "Noise-steady")
mini = replace(
    mini,
    algorithms=tuple(each for each in mini.algorithms if each.label in shown),
    evaluation=replace(
        mini.evaluation,
        points=2,
        final_episodes=256,
        measures=("nll_oracle", "nll_test"),
    ),
    compared_with="MLE",
)
with tempfile.TemporaryDirectory() as folder:
    results = run_experiment(
        mini,
        Path(folder),
        jobs=0,
        listener=lambda event: None,
        notify=lambda words: None,
    )
    with (Path(folder) / "printed.txt").open("w+", encoding="utf-8") as printed:
        report(results, Console(file=printed, width=120))
        printed.seek(0)
        print(printed.read().partition("\nBest by validation")[0])

# %%
# The results that are kept
# -------------------------
# ``benchmarks/results`` holds the tables of the sizes small (five seeds) and cpu (three
# seeds, on the oracle that the paper released). Each agent is a point; left and down is
# better. The grey line joins maximum likelihood at temperatures from 0.5 to 1.5, which
# cost nothing.
KEPT = Path(benchmarks.__file__).parent / "results"
NAMED = ("MLE", "SeqGAN", "SeqGAN-steady", "MaliGAN", "RankGAN", "Noise-steady")


def means(size):
    """Agent -> measure -> the mean over seeds, of a size's table."""
    table = {}
    with (KEPT / f"table1-{size}" / "table.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        for row in csv.DictReader(file):
            if row["mean"] and row["best_by_validation"] != "True":
                table.setdefault(row["agent"], {})[row["measure"]] = float(row["mean"])
    return table


figure, axes = plt.subplots(2, 1, figsize=(6.5, 8), layout="constrained")
for panel, size in zip(axes, ("small", "cpu"), strict=True):
    table = means(size)
    places = {
        agent: (row["nll_oracle"], row["nll_test"])
        for agent, row in table.items()
        if "nll_test" in row
    }
    for agent in NAMED:
        if agent in places:
            panel.plot(*places[agent], marker="o", linestyle="", label=agent)
    panel.plot(
        *places["MLE-T0.9"], marker=".", color="grey", label="MLE at temperatures"
    )
    panel.margins(0.15)
    # What collapses lies far outside: its numbers are below.
    panel.set(xlim=panel.get_xlim(), ylim=panel.get_ylim(), title=f"table1-{size}")
    heated = sorted(
        place for agent, place in places.items() if agent.split("-T")[0] == "MLE"
    )
    panel.plot(*zip(*heated, strict=True), color="grey", linewidth=1, zorder=0)
    panel.set(xlabel="NLL_oracle (nats a token)", ylabel="NLL_test (nats a token)")
    panel.legend(fontsize=8)
plt.show()

# %%
# The numbers, nats a token. ``PG-BLEU`` and a constant reward collapse: they write
# little else than likely texts, and miss most of the real ones.
for size in ("small", "cpu"):
    print(f"table1-{size:12} NLL_oracle  NLL_test")
    table = means(size)
    for agent in (*NAMED, "MLE-T0.9", "PG-BLEU", "Constant"):
        if agent in table:
            row = table[agent]
            print(f"{agent:19} {row['nll_oracle']:10.3f} {row['nll_test']:9.3f}")

# %%
# The grey line is what dividing the logits of maximum likelihood by a number brings.
# Only an agent below it is better than likelihood. RankGAN is on the small oracle, by
# less than a hundredth of a nat; the other adversarial agents lie on the line or above
# it. :doc:`The page of table 1 </results/table1-small>` has the tests, row by row.
#
# The paper's size
# ----------------
# The released oracle comes as ``seqgan_oracle.npz``, in the folder that
# ``TEXTGEN_DATA`` names. The size cpu cuts the discriminator's share so that two cores
# can do it; the size paper has the paper's settings and needs a GPU.
#
# .. code-block:: sh
#
#     TEXTGEN_DATA=data python -m benchmarks run table1 --size cpu
#     TEXTGEN_DATA=data python -m benchmarks run table1 --size paper --device cuda
#
# Interrupt it when you like: the same command goes on where it stopped.
#
# Where to go next
# ----------------
# * :doc:`seqgan`: what the adversarial rows do.
# * :doc:`reading_report`: how such a table is read.
# * :doc:`own_agent`: ``--agent`` adds a row of your own.
