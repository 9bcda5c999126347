"""Pages of results say what the tables say."""

from __future__ import annotations

import csv
import re
from functools import cache

import gymnasium
import numpy as np
import pytest

from benchmarks.analysis.statistics import rate_interval
from support.claims import metric, oracle, real_texts
from support.claims.claim import Numbers
from support.results_page import RESULTS, Row, as_shown, first_table, sentences, words
from textgen_env.solve import TextMDP

# Where the table of a folder begins, in the pages of results: the first after these words.
TABLES = {
    "table1-small": "## table1, small",
    "table1-cpu": "## table1, cpu",
    "figure2-cpu": "## figure2: ",
    "figure2-small": "On the small oracle:\n",
    "figure3-small": "On the small oracle, seeds",
    "figure3-cpu": "On the paper's oracle seeds",
    "columns-small": "## columns",
    "exact": "## exact",
    "attention": "## attention",
    "metric-numbers-small": "## metric, number words",
    "metric-captions-small": "## metric, captions",
    "metric-transcribe-small": "## metric, transcription",
    "metric-poems-small": "## metric, poems",
    "scratch": "## scratch",
    "own_text": "## own_text",
    "table2-small": "## table2: ",
    "table3-small": "## table3: ",
    "table4-small": "## table4: ",
    "table4-cpu": "## table4, cpu: ",
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
    "greedy corpus BLEU": "greedy_corpus_bleu",
    "greedy corpus chrF": "greedy_corpus_chrf",
    "BLEU of the greedy text": "greedy_return",
    "BLEU of the beam's text": "beam_return",
    "distinct-2": "distinct_2",
}
CLAIMS = (*metric.CLAIMS, *real_texts.CLAIMS, *oracle.CLAIMS)


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


def shown_rows(folder: str) -> list[Row]:
    return first_table(words()[words().index(TABLES[folder]) :])


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
def test_sentences_say_what_the_tables_do(folder: str, claim: str, numbers: Numbers) -> None:
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
    section = words()[words().index("## variance: ") : words().index("## attention: ")]
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
    section = words().partition("## exact on new seeds")[2]
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
