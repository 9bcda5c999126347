"""RESULTS.md says what the tables beside it say."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from benchmarks.analysis.statistics import rate_interval
from benchmarks.experiments.metric import LEARNERS
from textgen_env.solve import TextMDP

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
# Where the table of a folder begins, in RESULTS.md: the first after these words.
TABLES = {
    "table1-small": "## table1, small",
    "table1-cpu": "## table1, cpu",
    "figure3-small": "On the small oracle, seeds",
    "figure3-cpu": "On the paper's oracle seeds",
    "columns-small": "## columns",
    "exact": "## exact",
    "attention": "## attention",
    "metric-numbers-small": "## metric: ",
    "metric-captions-small": "### metric, captions",
    "metric-transcribe-small": "### metric, transcription",
    "scratch": "## scratch",
    "own_text": "## own_text",
    "table2-small": "### table2",
    "table3-small": "### table3",
    "table4-small": "### table4",
}
# Of a column's title: the measure that it shows.
MEASURES = {
    "NLL_oracle": "nll_oracle",
    "NLL_test": "nll_test",
    "KL(agent to oracle)": "kl_reverse",
    "entropy": "entropy",
    "Self-BLEU-3": "self_bleu_3",
    "share of the optimum": "optimum_share",
    "BLEU": "return",
    "BLEU-2": "bleu_2",
    "BLEU-3": "bleu_3",
    "BLEU-4": "bleu_4",
    "Self-BLEU-4": "self_bleu_4",
    "MSE of pitches": "pitch_error",
    "NLTK 3.2's BLEU-3": "nltk_bleu_3",
    "NLTK 3.2's BLEU-2": "nltk_bleu_2",
    "sampled -WER": "sample_return",
    "beam -WER": "beam_return",
    "greedy BLEU": "greedy_return",
    "sampled BLEU": "sample_return",
    "beam BLEU": "beam_return",
    "greedy WER": "greedy_wer",
    "greedy word error rate": "greedy_wer",
    "greedy exact match": "greedy_exact",
    "distinct-2": "distinct_2",
}
Row = dict[str, str]
Of = Callable[[str, str], float]


def best_learner(of: Of, measure: str) -> float:
    """The highest mean among the rows that learn on the metric."""
    return max(of(label, measure) for label in LEARNERS)


# A folder, words of RESULTS.md, and its numbers, from the means of agents by measure.
CLAIMS: tuple[tuple[str, str, Callable[[Of], tuple[float, ...]]], ...] = (
    (
        "own_text",
        "takes BLEU from 0.05 to 0.47 and REINFORCE to 0.40",
        lambda of: (of("Random", "return"), of("SB3-PPO", "return"), of("REINFORCE", "return")),
    ),
    (
        "own_text",
        "takes it from 0.69 to 1.00, where the control ends at 0.72",
        lambda of: (of("MLE", "return"), of("MLE+REINFORCE", "return"), of("MLE-longer", "return")),
    ),
    (
        "own_text",
        "an NLL_test 0.68 nats a token above the control's",
        lambda of: (of("MLE+REINFORCE", "nll_test") - of("MLE-longer", "nll_test"),),
    ),
    (
        "metric-transcribe-small",
        "0.568 errors a word of the control against 0.593 of the best of six rows",
        lambda of: (of("MLE-longer", "greedy_wer"), -best_learner(of, "greedy_return")),
    ),
    (
        "table2-small",
        "0.260 as its code has it, 0.247 steadied, 0.254 likelihood",
        lambda of: (of("SeqGAN", "bleu_2"), of("SeqGAN-steady", "bleu_2"), of("MLE", "bleu_2")),
    ),
    (
        "table3-small",
        "has 0.257 where likelihood has 0.219",
        lambda of: (of("SeqGAN", "bleu_3"), of("MLE", "bleu_3")),
    ),
    (
        "table3-small",
        "it is 0.575 of likelihood where ours is 0.219",
        lambda of: (of("MLE", "nltk_bleu_3"), of("MLE", "bleu_3")),
    ),
    (
        "table4-small",
        "0.904 as its code has it, 0.916 steadied, 0.911 likelihood",
        lambda of: (of("SeqGAN", "bleu_4"), of("SeqGAN-steady", "bleu_4"), of("MLE", "bleu_4")),
    ),
    (
        "metric-captions-small",
        "0.711 with REINFORCE against 0.601, by 0.110",
        lambda of: (
            of("REINFORCE", "sample_return"),
            of("MLE-longer", "sample_return"),
            of("REINFORCE", "sample_return") - of("MLE-longer", "sample_return"),
        ),
    ),
    (
        "metric-captions-small",
        "at a test NLL 0.377 and 0.321 worse and a Self-BLEU-3 0.139 and 0.112 higher",
        lambda of: (
            of("REINFORCE", "nll_test") - of("MLE-longer", "nll_test"),
            of("RLOO", "nll_test") - of("MLE-longer", "nll_test"),
            of("REINFORCE", "self_bleu_3") - of("MLE-longer", "self_bleu_3"),
            of("RLOO", "self_bleu_3") - of("MLE-longer", "self_bleu_3"),
        ),
    ),
    (
        "metric-captions-small",
        "PPO comes near (0.808) with less lost in likelihood (2.623 against 2.861)",
        lambda of: (of("PPO", "sample_return"), of("PPO", "nll_test"), of("MLE-T0.5", "nll_test")),
    ),
    (
        "scratch",
        "greedy BLEU 0.644 where the first has 0.260",
        lambda of: (of("PPO", "greedy_bleu"), of("REINFORCE", "greedy_bleu")),
    ),
    (
        "scratch",
        "a word error rate of 0.230 (0.636)",
        lambda of: (of("PPO", "greedy_wer"), of("REINFORCE", "greedy_wer")),
    ),
    ("scratch", "the word error rate, to 0.491", lambda of: (of("dense-errors", "greedy_wer"),)),
    ("scratch", "the fourth row falls behind again (0.220)", lambda of: (of("own-reward", "greedy_bleu"),)),
    (
        "metric-numbers-small",
        "0.810 of the control against 0.788 of the best of six rows, a difference of -0.022",
        lambda of: (
            of("MLE-longer", "greedy_return"),
            best_learner(of, "greedy_return"),
            of("MLE-longer", "greedy_return") - best_learner(of, "greedy_return"),
        ),
    ),
    (
        "metric-numbers-small",
        "move greedy BLEU from 0.779 to at most 0.788, and drawn texts from 0.702 to 0.755",
        lambda of: (
            of("MLE-stopped", "greedy_return"),
            best_learner(of, "greedy_return"),
            of("MLE-stopped", "sample_return"),
            best_learner(of, "sample_return"),
        ),
    ),
    (
        "metric-numbers-small",
        "The control gains more in both, 0.810 and 0.798",
        lambda of: (of("MLE-longer", "greedy_return"), of("MLE-longer", "sample_return")),
    ),
    (
        "metric-numbers-small",
        "has the best beam (0.815) and greedy WER (0.158)",
        lambda of: (of("ScheduledSampling", "beam_return"), of("ScheduledSampling", "greedy_wer")),
    ),
    (
        "table1-small",
        "3.859 against 3.768, and a test NLL 0.18 worse",
        lambda of: (
            of("SeqGAN", "nll_oracle"),
            of("MLE", "nll_oracle"),
            of("SeqGAN", "nll_test") - of("MLE", "nll_test"),
        ),
    ),
    (
        "table1-small",
        "it comes out below MLE, 3.642, at a test NLL 0.015 worse",
        lambda of: (of("SeqGAN-steady", "nll_oracle"), of("SeqGAN-steady", "nll_test") - of("MLE", "nll_test")),
    ),
    (
        "table1-small",
        "RankGAN with MLE's test NLL (3.126 against 3.129)",
        lambda of: (of("RankGAN", "nll_test"), of("MLE", "nll_test")),
    ),
    (
        "table1-small",
        "has an NLL_oracle of 3.432, far below each of them, with about the same test NLL (3.157)",
        lambda of: (of("MLE-T0.9", "nll_oracle"), of("MLE-T0.9", "nll_test")),
    ),
    (
        "table1-small",
        "KL(agent to oracle) (0.695 against 0.737 and more)",
        lambda of: (
            of("MLE-T0.9", "kl_reverse"),
            min(of(agent, "kl_reverse") for agent in ("MLE", "SeqGAN-steady", "MaliGAN", "RankGAN")),
        ),
    ),
    (
        "table1-small",
        "(0.601 against 0.588 of SeqGAN with log-odds, 0.570 of RankGAN and 0.573 of MLE)",
        lambda of: (
            of("MLE-T0.9", "kl_forward"),
            of("SeqGAN-steady", "kl_forward"),
            of("RankGAN", "kl_forward"),
            of("MLE", "kl_forward"),
        ),
    ),
    (
        "table1-small",
        "its test NLL is 1.5 nats worse, its texts repeat one another (Self-BLEU-3 0.968)",
        lambda of: (of("PG-BLEU", "nll_test") - of("MLE", "nll_test"), of("PG-BLEU", "self_bleu_3")),
    ),
    (
        "table1-small",
        "the entropy falls to 1.9 and 1.4 nats from 3.0",
        lambda of: (of("Constant", "entropy"), of("Noise", "entropy"), of("MLE", "entropy")),
    ),
    (
        "table1-small",
        "noise changes little (3.822), so that the steady SeqGAN's gain of 0.18",
        lambda of: (
            of("Noise-steady", "nll_oracle"),
            of("Noise-steady", "nll_oracle") - of("SeqGAN-steady", "nll_oracle"),
        ),
    ),
    (
        "table1-cpu",
        "Not uniform tokens, which have 11.44, but tokens drawn from the unigram: 10.28.",
        lambda of: (of("Uniform", "nll_oracle"), of("Unigram", "nll_oracle")),
    ),
    (
        "columns-small",
        "two columns end 0.005 higher",
        lambda of: (of("SeqGAN-2columns", "nll_oracle") - of("SeqGAN", "nll_oracle"),),
    ),
    (
        "columns-small",
        "(1, 5, 3) at 3.867 where",
        lambda of: (of("SeqGAN-g1-d5-k3-2columns", "nll_oracle"),),
    ),
    (
        "columns-small",
        "What SeqGAN loses to MLE, 0.090",
        lambda of: (of("SeqGAN", "nll_oracle") - of("MLE", "nll_oracle"),),
    ),
    ("table1-cpu", "that of uniform tokens (8.517)", lambda of: (of("Uniform", "nll_test"),)),
)


@cache
def words() -> str:
    return (RESULTS / "RESULTS.md").read_text(encoding="utf-8")


@cache
def sentences() -> str:
    return " ".join(words().split())


@cache
def rows_of(folder: str, name: str) -> tuple[Row, ...]:
    with (RESULTS / folder / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def measured(folder: str) -> dict[tuple[str, str], Row]:
    return {(row["agent"], row["measure"]): row for row in rows_of(folder, "table.csv")}


def agents(folder: str) -> list[str]:
    """Those that runs were asked for, in their order."""
    return list(dict.fromkeys(row["agent"] for row in rows_of(folder, "table.csv") if row["asked"]))


def first_table(lines: str) -> list[Row]:
    """Its rows, by the titles of their columns."""
    left = dropwhile(lambda line: not line.startswith("|"), lines.splitlines())
    table = takewhile(lambda line: line.startswith("|"), left)
    title, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [dict(zip(title, row, strict=True)) for row in rows]


def shown_rows(folder: str) -> list[Row]:
    return first_table(words()[words().index(TABLES[folder]) :])


def as_shown(number: float, shown: str) -> str:
    """A number with as many digits as `shown` has."""
    return f"{number:.{len(shown.partition('.')[2])}f}"


@pytest.mark.parametrize("folder", TABLES)
def test_the_rows_are_those_of_the_table(folder: str) -> None:
    shown = shown_rows(folder)
    assert len(shown) == len(agents(folder))
    for row, agent in zip(shown, agents(folder), strict=True):
        if "runs" in row:
            assert row["runs"] == measured(folder)[agent, "return"]["finished"]


@pytest.mark.parametrize("folder", TABLES)
def test_means_spreads_and_collapses_are_those_of_the_table(folder: str) -> None:
    compared = 0
    for row, agent in zip(shown_rows(folder), agents(folder), strict=True):
        for title, measure in MEASURES.items():
            found = measured(folder).get((agent, measure))
            if title not in row or "KL" in row[title] or found is None:
                continue
            cell = row[title].removesuffix(" †")
            mean, _, std = cell.partition(" ± ")
            if cell != "–":
                assert (mean, std) == (as_shown(float(found["mean"]), mean), as_shown(float(found["std"]), std)), agent
                compared += 1
            if measure == "nll_oracle":
                assert row[title].endswith("†") == (found["collapsed"] == "True"), agent
    assert compared >= len(agents(folder)) - 1


@pytest.mark.parametrize("folder", ["table1-small", "table1-cpu", "figure3-cpu", "columns-small", "attention"])
def test_tests_are_those_of_the_differences(folder: str) -> None:
    measure = "nll_test" if folder == "attention" else "nll_oracle"
    found = {row["agent"]: row for row in rows_of(folder, "differences.csv") if row["measure"] == measure}
    for row, agent in zip(shown_rows(folder), agents(folder), strict=True):
        for title, column in {"p (Holm)": "p_holm", "p (sequences)": "p_over_sequences"}.items():
            if title not in row or not row[title]:
                continue
            p, shown = float(found[agent][column]), row[title]
            said = "< 1e-300" if p < 1e-300 else f"{p:.0e}" if "e" in shown else as_shown(p, shown)
            assert shown == said, agent


def test_the_worst_seeds_of_exact_are_those_of_the_table() -> None:
    for row, agent in zip(shown_rows("exact"), agents("exact"), strict=True):
        worst = row["worst seed"]
        measure, column = ("kl_soft", "highest") if worst.startswith("KL ") else ("optimum_share", "lowest")
        assert worst.removeprefix("KL ") == as_shown(float(measured("exact")[agent, measure][column]), worst)


@pytest.mark.parametrize(("folder", "claim", "numbers"), CLAIMS, ids=[claim for _, claim, _ in CLAIMS])
def test_sentences_say_what_the_tables_do(folder: str, claim: str, numbers: Callable[[Of], tuple[float, ...]]) -> None:
    assert claim in sentences()
    found = numbers(lambda agent, measure: float(measured(folder)[agent, measure]["mean"]))
    shown = re.findall(r"\d+\.\d+", claim)
    assert shown == [as_shown(number, each) for number, each in zip(found, shown, strict=True)]


def test_the_texts_of_tiny_are_those_that_the_results_speak_of() -> None:
    mdp = TextMDP.of(gymnasium.make("TextGen-Tiny-v0"))
    whole: list[tuple[float, tuple[int, ...]]] = []
    begun: list[tuple[int, float, tuple[int, ...]]] = [(int(np.argmax(mdp.start)), 0.0, ())]
    while begun:
        state, earned, text = begun.pop()
        for token in np.flatnonzero(mdp.allowed[state]).tolist():
            longer = (earned + float(mdp.rewards[state, token]), (*text, token))
            if mdp.ends[state, token]:
                whole.append(longer)
            else:
                begun.append((int(mdp.next_state[state, token]), *longer))
    (best, written), *others = sorted(whole, reverse=True)[:4]
    second, third, fourth = (earned / best * 100 for earned, _ in others)
    assert f"the best text earns {best:.3f}, the next three {second:.1f}, {third:.1f} and {fourth:.1f}%" in sentences()
    assert [text[:4] == written[:4] for _, text in others] == [True, True, False]
    assert others[-1][1][0] != written[0]


def test_estimators_are_those_of_the_table_of_variances() -> None:
    section = words()[words().index("## variance") : words().index("## attention")]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    found = {(r["policy"], r["estimator"]): r for r in rows_of("variance", "variance.csv") if r["texts"] == "64"}
    assert len(shown) * 2 == len(found)
    for estimator, tokens, *rest, unbiased in shown:
        fresh, trained = found["fresh", estimator], found["partly trained", estimator]
        assert tokens == f"{float(trained['tokens']):,.0f}"
        assert rest == [cell for row in (fresh, trained) for cell in _of_an_estimator(row)], estimator
        biased = "True" in (fresh["found_biased"], trained["found_biased"])
        claimed = fresh["claimed_unbiased"] == "True"
        met = "MISSED" if biased else "met"
        assert unbiased == (met if claimed else "no, not claimed" if biased else "not claimed, not seen"), estimator


def _of_an_estimator(row: Row) -> list[str]:
    bias, error, variance, spread, cosine = (
        float(row[name]) for name in ("bias", "bias_error", "variance", "variance_error", "cosine")
    )
    return [f"{bias:+.0%} ± {error:.0%}", f"{variance:.2f} ± {spread:.2f}", f"{cosine:.2f}"]


def test_how_soon_the_optimum_is_reached_is_as_the_table_of_exact_has_it() -> None:
    table = (RESULTS / "exact" / "table.md").read_text(encoding="utf-8")
    found = {row["agent"]: row for row in first_table(table[table.index("## How soon") :])}
    for row in shown_rows("exact"):
        for shown, title in {"runs at 95%": "reached", "tokens to 95%": "", "seconds to 95%": ""}.items():
            assert row[shown] == found[row["agent"]][title or shown], row["agent"]


def test_new_seeds_of_exact_are_counted_as_they_are_kept() -> None:
    with (RESULTS / "exact" / "fresh_seeds.csv").open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    section = (RESULTS / "RESULTS.md").read_text(encoding="utf-8").partition("### exact on new seeds")[2]
    table = section.partition("\n## ")[0].splitlines()
    lines = [line.strip("| ").split(" | ") for line in table if re.search(r"\| \d+ of \d+ \|", line)]
    assert len(lines) >= 33
    for label, seeds, below, interval, worst in lines:
        first, last = (int(each) for each in seeds.split(" to "))
        own = [run for run in runs if run["agent"] == label and first <= int(run["seed"]) <= last]
        soft = label == "Soft-PG"
        values = [float(run["kl_soft" if soft else "optimum_share"]) for run in own]
        missed = sum(value > 0.02 if soft else value < 0.98 for value in values)
        low, high = rate_interval(missed, len(values))
        assert below == f"{missed} of {len(values)}", label
        assert interval == f"{low:.1%} to {high:.1%}"
        assert worst == (f"KL {max(values):.4f}" if soft else f"{min(values):.4f}")
