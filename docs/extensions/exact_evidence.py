"""Rows of an agent in the committed tables that hold it to an exact answer: its return, and its gradient.

`of_the_optimum(agent)` has the rows of the experiment `exact`: those of its table and those on new seeds, each with the
settings it was run with and whether the experiment has them still. `of_the_gradient(agent)` has those of `variance`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.experiments.exact import EXPERIMENT, RETURN_BAR, SOFT, SOFT_BAR
from benchmarks.specs.experiment import Algorithm
from benchmarks.store.manifest import read_manifest
from benchmarks.variance.estimators import ESTIMATORS
from class_docs import cell
from kept_tables import RESULTS, TABLE, csv_rows

EXACT, FRESH, VARIANCE = "exact", "fresh_seeds.csv", "variance"
TEXTS = "64"
SOFT_LABELS = frozenset(each.label for each in SOFT)
POLICIES = ("fresh", "partly trained")
# TRPO goes along F^-1 g with the g of NPG.
SHARED_GRADIENT = {"trpo": "npg"}


@dataclass(frozen=True)
class Held:
    """Runs of one row and one setting.

    Attributes:
        label: of the row.
        table: which committed table has them.
        seeds: first and last.
        runs: how many.
        mean, std, worst: of the share of the optimum, or of the divergence from the soft optimum, nats a text.
        below: runs that miss the bar; None where the table does not tell.
        settings: hyperparameters given.
        total_tokens: of training.
        current: whether the experiment has these settings still.
    """

    label: str
    table: str
    seeds: tuple[int, int]
    runs: int
    mean: float
    std: float
    worst: float
    below: int | None
    settings: Mapping[str, Any]
    total_tokens: int
    current: bool

    @property
    def soft(self) -> bool:
        """Whether it is the soft optimum that the row is held to."""
        return self.label in SOFT_LABELS


def is_current(algorithm: Algorithm, settings: Mapping[str, Any], total_tokens: int) -> bool:
    """Whether an experiment's row has these settings today."""
    return dict(algorithm.hyperparameters) == dict(settings) and algorithm.total_tokens == total_tokens


@cache
def _runs_of_table() -> dict[str, list[Mapping[str, Any]]]:
    """Label -> the configurations of its runs in the manifest."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for (label, _), config in read_manifest(RESULTS / EXACT).runs.items():
        found.setdefault(label, []).append(config)
    return found


def _of_table(algorithm: Algorithm) -> Iterator[Held]:
    """The row of the experiment's own table."""
    soft = algorithm.label in SOFT_LABELS
    measure, column = ("kl_soft", "highest") if soft else ("optimum_share", "lowest")
    configs = _runs_of_table().get(algorithm.label, [])
    for line in csv_rows(EXACT, TABLE):
        if (line["agent"], line["measure"]) != (algorithm.label, measure) or not line["mean"]:
            continue
        own, seeds, worst = configs[0]["algorithm"], [int(each["seed"]) for each in configs], float(line[column])
        kept = own["hyperparameters"], int(own["total_tokens"])
        missed = worst > SOFT_BAR if soft else worst < RETURN_BAR
        yield Held(
            algorithm.label, "table", (min(seeds), max(seeds)), int(line["finished"]), float(line["mean"]),
            float(line["std"]), worst, None if missed else 0, *kept, is_current(algorithm, *kept),
        )  # fmt: skip


def _of_new_seeds(algorithm: Algorithm) -> Iterator[Held]:
    """The runs on seeds that no setting was chosen on, a row for each setting."""
    groups: dict[tuple[str, int], list[dict[str, str]]] = {}
    for line in csv_rows(EXACT, FRESH):
        if line["agent"] == algorithm.label:
            groups.setdefault((line["hyperparameters"], int(line["total_tokens"])), []).append(line)
    soft = algorithm.label in SOFT_LABELS
    for (written, tokens), lines in groups.items():
        values = np.array([float(line["kl_soft" if soft else "optimum_share"]) for line in lines])
        seeds, settings = [int(line["seed"]) for line in lines], json.loads(written)
        below = int(np.sum(values > SOFT_BAR if soft else values < RETURN_BAR))
        worst = float(values.max() if soft else values.min())
        yield Held(
            algorithm.label, "new seeds", (min(seeds), max(seeds)), len(values), float(values.mean()),
            float(values.std(ddof=1)), worst, below, settings, tokens, is_current(algorithm, settings, tokens),
        )  # fmt: skip


def held(agent: str) -> list[Held]:
    """Committed rows of an agent: the settings of today first, and of these the newest seeds."""
    found = []
    for algorithm in (each for each in EXPERIMENT.algorithms if each.agent == agent):
        of_row = [*_of_table(algorithm), *_of_new_seeds(algorithm)]
        found += sorted(of_row, key=lambda each: (not each.current, -each.seeds[0]))
    return found


def _settings(row: Held) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in sorted(row.settings.items()))
    when = "" if row.current else "earlier: "
    return f"{when}{f'`{given}`' if given else 'defaults'}, {row.total_tokens:,} tokens"


def of_the_optimum(agent: str) -> str:
    """Table of an agent's rows in `exact`, as Markdown."""
    found = held(agent)
    if not found:
        return "The experiment `exact` has no row of it.\n"
    soft = found[0].soft
    what = "KL to the soft optimum" if soft else "share of the optimum"
    lines = [f"| row | table | seeds | {what} | worst seed | below the bar | settings |"]
    lines += ["|---|---|--:|--:|--:|--:|---|"]
    for row in found:
        has_bar = row.soft or row.label in EXPERIMENT.expected_shares
        below = "–" if not has_bar else "some" if row.below is None else f"{row.below} of {row.runs}"
        numbers = f"{row.mean:.4f} ± {row.std:.4f} | {row.worst:.4f} | {below}"
        seeds = f"{row.seeds[0]} to {row.seeds[1]}"
        lines.append(f"| {cell(row.label)} | {row.table} | {seeds} | {numbers} | {cell(_settings(row))} |")
    note = (
        f"nats a text, exact; the bar is {SOFT_BAR}."
        if soft
        else f"expected return over the most that can be expected, on Tiny, exact; the bar is {RETURN_BAR:.0%}."
    )
    old = "" if all(row.current for row in found) else (
        " Rows with earlier settings were run before the experiment had those of today, and say nothing of them."
    )  # fmt: skip
    command = "From `python -m benchmarks run exact`, whose table has seeds 0 to 9"
    pages = "[all agents](../results/exact.md)"
    return "\n".join([*lines, "", f"Mean ± standard deviation over seeds, {note}{old} {command}: {pages}.", ""])


def of_the_gradient(agent: str) -> str:
    """Table of an agent's estimators in `variance`, as Markdown; "" for one that has none."""
    labels = [each.label for each in ESTIMATORS if each.agent == SHARED_GRADIENT.get(agent, agent)]
    kept = {(line["policy"], line["estimator"]): line for line in csv_rows(VARIANCE, "variance.csv")
            if line["texts"] == TEXTS}  # fmt: skip
    lines = ["| estimator | policy | bias | variance | cosine | tokens | unbiased |", "|---|---|--:|--:|--:|--:|---|"]
    count = len(lines)
    for label in labels:
        for policy in POLICIES:
            if (policy, label) not in kept:
                continue
            row = kept[policy, label]
            bias, bias_error, variance, error, cosine, tokens = (
                float(row[name]) for name in ("bias", "bias_error", "variance", "variance_error", "cosine", "tokens")
            )
            lines.append(
                f"| {cell(label)} | {policy} | {bias:+.0%} ± {bias_error:.0%} | {variance:.2f} ± {error:.2f} "
                f"| {cosine:.2f} | {tokens:,.0f} | {_verdict(row)} |"
            )
    if len(lines) == count:
        return ""
    note = (
        f"Of {TEXTS} texts on Tiny: bias along the exact gradient $g$ in units of its length and variance "
        "$\\mathbb{E} \\lvert \\hat{g} - \\mathbb{E} \\hat{g} \\rvert^2$ in units of its square, ± standard errors; "
        "the cosine of estimate and $g$; the tokens that were written for it. From "
        "`python -m benchmarks variance`: [all estimators](../results/variance.md)."
    )
    return "\n".join([*lines, "", note, ""])


def _verdict(row: Mapping[str, str]) -> str:
    claimed, biased = row["claimed_unbiased"] == "True", row["found_biased"] == "True"
    if claimed:
        return "claimed; **seen to be biased**" if biased else "claimed, and not seen otherwise"
    return "not claimed, and seen to be biased" if biased else "not claimed"
