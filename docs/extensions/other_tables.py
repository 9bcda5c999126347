"""Tables of results that no experiment's table is: estimators, seeds, exposure, degenerate texts, metrics, scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from scipy.stats import t

from benchmarks.analysis.statistics import rate_interval
from benchmarks.experiments.exact import EXPERIMENT, RETURN_BAR, SOFT_BAR
from benchmarks.experiments.metric import LEARNERS
from exact_evidence import SOFT_LABELS
from kept_tables import RESULTS, csv_rows, lined

NONE = "–"


def variance() -> str:
    """Every estimator with 64 texts, for both policies."""
    kept = {(r["policy"], r["estimator"]): r for r in csv_rows("variance", "variance.csv") if r["texts"] == "64"}
    titles = ["estimator", "tokens", "fresh: bias", "variance", "cosine", "partly trained: bias", "variance", "cosine"]
    rows = []
    for estimator in dict.fromkeys(name for _, name in kept):
        fresh, trained = kept["fresh", estimator], kept["partly trained", estimator]
        biased = "True" in (fresh["found_biased"], trained["found_biased"])
        if fresh["claimed_unbiased"] == "True":
            verdict = "MISSED" if biased else "met"
        else:
            verdict = "no, not claimed" if biased else "not claimed, not seen"
        tokens = f"{float(trained['tokens']):,.0f}"
        rows.append([estimator, tokens, *_estimate(fresh), *_estimate(trained), verdict])
    return lined([*titles, "unbiased"], rows)


def _estimate(row: Mapping[str, str]) -> list[str]:
    bias, error, spread, spread_error, cosine = (
        float(row[name]) for name in ("bias", "bias_error", "variance", "variance_error", "cosine")
    )
    return [f"{bias:+.0%} ± {error:.0%}", f"{spread:.2f} ± {spread_error:.2f}", f"{cosine:.2f}"]


def new_seeds() -> str:
    """How many of the seeds that no setting was chosen on end below the bar, agent by agent, setting by setting."""
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for line in csv_rows("exact", "fresh_seeds.csv"):
        key = line["agent"], line["hyperparameters"], line["total_tokens"]
        groups.setdefault(key, []).append(line)
    order = [each.label for each in EXPERIMENT.algorithms if each.label != "Random"]
    rows = []
    for (label, *_), lines in sorted(groups.items(), key=lambda each: min(int(r["seed"]) for r in each[1])):
        if label not in order:
            continue
        soft, seeds = label in SOFT_LABELS, [int(line["seed"]) for line in lines]
        values = [float(line["kl_soft" if soft else "optimum_share"]) for line in lines]
        below = sum(value > SOFT_BAR if soft else value < RETURN_BAR for value in values)
        low, high = rate_interval(below, len(values))
        worst = f"KL {max(values):.4f}" if soft else f"{min(values):.4f}"
        cells = [label, f"{min(seeds)} to {max(seeds)}", f"{below} of {len(values)}", f"{low:.1%} to {high:.1%}", worst]
        rows.append(cells)
    rows.sort(key=lambda cells: order.index(cells[0]))
    titles = ["agent", "seeds", "below the bar", "95% interval of the rate", "worst seed"]
    return lined(titles, rows, frozenset({0, 1}))


def exposure_gaps() -> str:
    """Exposure bias on the small oracle: how far continuations are from the oracle, by agent."""
    shown: dict[str, dict[str, Any]] = {}
    kept = json.loads((RESULTS / "exposure" / "exposure.json").read_text(encoding="utf-8"))
    for found in kept["found"]:
        if found["score"] == "kl_reverse":
            shown[found["agent"]] = found
    real: dict[str, list[float]] = {}
    for row in csv_rows("exposure", "exposure.csv"):
        if row["score"] == "kl_reverse" and int(row["prefix_length"]):
            real.setdefault(row["agent"], []).append(float(row["real"]))
    rows = []
    for agent, found in shown.items():
        less = found["less_first"]
        mean = f"{sum(real[agent]) / len(real[agent]):.4f}"
        rows.append(
            [agent, mean, _interval(found["gap"]), _interval(found["growth"]), _interval(less) if less else NONE]
        )
    return lined(["agent", "after real prefixes", "gap", "its growth a token", "gap less that of MLE"], rows)


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['mean']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})"


def dominance() -> str:
    """Which curves of quality against diversity that of likelihood dominates."""
    said = {"True": "yes", "False": "no", "": "not certain"}
    pairs: dict[str, dict[str, dict[str, str]]] = {}
    for row in csv_rows("exposure", "sweep_pairs.csv"):
        if row["better"] == "MLE":
            pairs.setdefault(row["worse"], {})[row["plane"]] = row
    rows = []
    for other, planes in pairs.items():
        cells = [other]
        for plane in ("nll", "bleu"):
            margin, low, high = (f"{float(planes[plane][name]):+.3f}" for name in ("margin", "low", "high"))
            cells += [f"{margin} ({low} to {high})", said[planes[plane]["dominates"]]]
        rows.append(cells)
    titles = ["MLE over", "NLL_oracle against NLL_test", "dominates", "BLEU-3 against Self-BLEU-3", "dominates there"]
    return lined(titles, rows)


# World -> its folder, the measure that is compared, what it is called, and what the table cannot say of a gain.
WORLDS = {
    "number words": ("metric-numbers-small", "greedy_return", "BLEU, greedy", ""),
    "captions": ("metric-captions-small", "sample_return", "BLEU, drawn", "and a temperature beats both"),
    "transcription": ("metric-transcribe-small", "greedy_return", "-WER, greedy", ""),
    "poems": ("metric-poems-small", "sample_return", "BLEU-2, drawn", "at a price in likelihood and variety"),
}
CONTROL, LEVEL = "MLE-longer", 0.05


def metric_worlds() -> str:
    """Whether the best that learned on the metric is ahead of likelihood trained for as long, world by world."""
    rows = []
    for world, (folder, measure, title, price) in WORLDS.items():
        means = {r["agent"]: float(r["mean"]) for r in csv_rows(folder, "table.csv") if r["measure"] == measure}
        best = max(LEARNERS, key=means.__getitem__)
        against = next(r for r in csv_rows(folder, "differences.csv") if (r["agent"], r["measure"]) == (best, measure))
        difference, statistic, df = (float(against[name]) for name in ("difference", "t", "df"))
        half = float(t.ppf(0.975, df)) * abs(difference / statistic)
        ahead = difference > 0 and float(against["p_holm"]) < LEVEL
        verdict = f"yes, {price}" if ahead else "no"
        interval = f"{difference:+.3f} ({difference - half:+.3f} to {difference + half:+.3f})"
        rows.append([world, title, f"{means[CONTROL]:.3f}", f"{means[best]:.3f} ({best})", interval, verdict])
    titles = ["world", "metric", "control", "best that learned on it", "difference (95%)", "beat likelihood?"]
    return lined(titles, rows, frozenset({0, 1, 5}))


# Column -> the kind of text in it.
KINDS = {
    "empty": "empty",
    "one token": "one token",
    "two by turns": "two tokens by turns",
    "fragment, 1 to 5": "fragment of 1 to 5 tokens",
    "fragment, 6 to 12": "fragment of 6 to 12 tokens",
    "shuffled": "words of a training text, shuffled",
    "copy": "copy of a training text",
}


def degenerate() -> str:
    """The best text of each kind in each game, bold where it earns more than real texts do on average."""
    games: dict[str, dict[str, dict[str, str]]] = {}
    for row in csv_rows("degenerate", "degenerate.csv"):
        games.setdefault(row["game"], {})[row["kind"]] = row
    rows = []
    for game, kinds in games.items():
        real = float(next(iter(kinds.values()))["real_mean"])
        digits = 2 if abs(real) >= 10 else 3
        cells = [game.removeprefix("TextGen-"), f"{real:.{digits}f}"]
        for kind in KINDS.values():
            if kind not in kinds:
                cells.append(NONE)
                continue
            best = f"{float(kinds[kind]['best']):.{digits}f}"
            cells.append(f"**{best}**" if kinds[kind]["beats_real_mean"] == "True" else best)
        rows.append(cells)
    return lined(["game", "real texts", *KINDS], rows)


def diagnostics() -> str:
    """Score of each agent in each diagnostic, with its standard error."""
    kept = {(r["agent"], r["diagnostic"]): r for r in csv_rows("diagnostics", "scores.csv")}
    names = list(dict.fromkeys(diagnostic for _, diagnostic in kept))
    return lined(
        ["agent", *names],
        [[agent, *(_score(kept[agent, name]) for name in names)] for agent in dict.fromkeys(a for a, _ in kept)],
    )


def _score(row: Mapping[str, str]) -> str:
    error = f" ± {float(row['standard_error']):.2f}" if row["standard_error"] else ""
    return f"{float(row['score']):.2f}{error}"


def tuning() -> str:
    """Gains of tuning, a row for each search."""
    return (RESULTS / "tuning" / "gains.md").read_text(encoding="utf-8").rstrip("\n")


def tuning_longer() -> str:
    """Settings that were tuned at a fifth of the budget beside the defaults, along the curve and at its end."""
    rows = csv_rows("tuning", "longer.csv")
    curves = {(row["agent"], row["settings"]): [] for row in rows}
    for row in rows:
        curves[row["agent"], row["settings"]].append([float(point.partition(":")[2]) for point in row["curve"].split()])
    lines = []
    for agent, settings in curves:
        runs = [row for row in rows if (row["agent"], row["settings"]) == (agent, settings)]
        means = [sum(values) / len(values) for values in zip(*curves[agent, settings], strict=True)]
        distinct = sum(float(row["distinct_2"]) for row in runs) / len(runs)
        end = sum(float(row["mean_return"]) for row in runs) / len(runs)
        lines.append([agent, settings, *(f"{mean:.1f}" for mean in means[1:-1]), f"{end:.1f}", f"{distinct:.4f}"])
    titles = ["agent", "settings", "20k", "40k", "60k", "80k", "100k tokens", "distinct-2 at the end"]
    return lined(titles, lines)


TABLES: Mapping[str, Callable[[], str]] = {
    "tuning-longer": tuning_longer,
    "tuning": tuning,
    "variance": variance,
    "new-seeds": new_seeds,
    "exposure-gaps": exposure_gaps,
    "dominance": dominance,
    "degenerate": degenerate,
    "metric-worlds": metric_worlds,
    "diagnostics": diagnostics,
}
