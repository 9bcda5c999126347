"""The pages of results: each begins with its answer, and has its tables and its run from the committed files."""

from __future__ import annotations

import re

import pytest

import kept_runs
import result_answers
import result_tables
from agent_pages import results_with
from benchmarks.experiments.exact import EXPERIMENT
from exact_evidence import held
from kept_tables import experiments
from support.results_page import PAGES, first_table, page

NAMES = result_answers.names()
# Pages that sum up others, whose runs are on these.
OVERVIEWS = {"real-texts", "metric"}
FIGURES = re.compile(r"\d+\.\d+|\d+k\b|\b\d{3,}\b|\d+/\d+")


def test_every_page_is_in_the_index_once():
    assert sorted(NAMES) == sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "index")
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_and_answers(name):
    title, answer = result_answers.title_and_answer(name)
    assert title.endswith("?") or ": " in title
    assert answer.endswith(".")
    assert len(answer) <= 300


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_of_an_answer_are_those_of_the_page(name):
    _, answer = result_answers.title_and_answer(name)
    rest = " ".join(page(name).split()).replace(answer, "")
    known = set(FIGURES.findall(rest))
    assert set(FIGURES.findall(answer)) <= known


def test_the_index_has_every_answer():
    table = result_answers.answers()
    assert table.count("\n") == len(NAMES) + 1
    for name in NAMES:
        assert f"]({name}.md) | {result_answers.title_and_answer(name)[1]} |" in table


@pytest.mark.parametrize("name", sorted(set(NAMES) - OVERVIEWS))
def test_a_page_says_which_run_its_figures_are_of(name):
    text = page(name)
    assert "The run: `python -m benchmarks " in text
    assert "{kept-" not in text
    assert "```sh\npython -m benchmarks" in text or "python -m benchmarks" in text.partition("```sh")[2]


def test_every_table_is_on_a_page():
    texts = "".join(path.read_text(encoding="utf-8") for path in PAGES.glob("*.md"))
    shown = set(re.findall(r"\{kept-table\} (\S+)", texts))
    assert shown == set(result_tables.specs()) | set(result_tables.OTHERS)


def test_every_committed_experiment_has_its_page():
    assert [each.folder for each in experiments() if result_answers.page_of(each.folder) is None] == []
    assert result_answers.page_of("metric-poems-small") == "metric-poems"
    assert result_answers.page_of("exposure") == "exposure"
    assert result_answers.page_of("nothing") is None


def test_an_agents_page_lists_where_it_takes_part():
    links = results_with("rloo")
    assert "[exact: does every agent reach the exact optimum?](../results/exact.md): RLOO" in links
    assert any("metric-poems.md" in link for link in links)
    assert results_with("mc_prediction") == []


def test_a_table_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match="no table 'nothing'; there are: table1-small"):
        result_tables.table("nothing")


def test_on_the_site_a_table_can_be_sorted():
    text = "A\n\n```{kept-table} columns-small\n```\n\nB\n"
    assert ":class: sortable" in result_tables.expanded(text, sortable=True)
    assert "| SeqGAN, two columns | 5 |" in result_tables.expanded(text)


def test_rows_that_are_not_the_tables_are_an_error(monkeypatch):
    spec = {"columns-small": {**result_tables.specs()["columns-small"], "rows": [["MLE", "MLE"]]}}
    monkeypatch.setattr(result_tables, "specs", lambda: spec)
    with pytest.raises(ValueError, match="rows of 'columns-small'"):
        result_tables.experiment_table("columns-small")


@pytest.mark.parametrize(("p", "shown"), [(0.5, "0.50"), (0.012, "0.01"), (0.004, "4e-03"), (0.0, "< 1e-300")])
def test_p_values(p, shown):
    assert result_tables.p_value(p) == shown


def test_a_run_says_the_state_of_the_code_and_the_machine_where_they_are_kept():
    said = kept_runs.said("throughput-defaults")
    assert "at 62ea0033fd; on 2026-11-27; 1 of 2 processors of Intel Xeon Processor; textgen-env 0.1.0" in said
    assert "100 runs, seeds 0 to 4, on cpu" in kept_runs.said("table1-small")
    assert "is not kept" in kept_runs.said("table1-small")


def test_a_run_that_keeps_its_versions_is_said_with_them(monkeypatch, tmp_path):
    (tmp_path / "table1-small").mkdir()
    for name, content in (
        ("experiment.json", (kept_runs.RESULTS / "table1-small" / "experiment.json").read_text(encoding="utf-8")),
        ("versions.json", '[{"code": "0123456789ab", "torch": "2.13.0", "processors": "2", "platform": "Linux"}]'),
    ):
        (tmp_path / "table1-small" / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr(kept_runs, "RESULTS", tmp_path)
    said = kept_runs.said("table1-small")
    assert said.endswith("Made with code 0123456789ab, torch 2.13.0, on 2 processors, Linux.")


def test_of_new_seeds_those_fail_that_the_answer_names():
    failed = {}
    for agent in {each.agent for each in EXPERIMENT.algorithms if each.agent != "uniform"}:
        for row in held(agent):
            if row.table == "new seeds" and row.current and row.below:
                failed[row.label] = row.below, row.runs
    assert failed == {"NPG": (1, 30), "SB3-TRPO": (3, 10)}


def test_gains_on_the_metric_have_the_intervals_of_welchs_test():
    rows = first_table(page("metric"))
    assert [row["beat likelihood?"].partition(",")[0] for row in rows] == ["no", "yes", "no", "yes"]
    captions = rows[1]
    assert captions["difference (95%)"] == "+0.199 (+0.148 to +0.249)"
    assert captions["best that learned on it"] == "0.805 (PPO)"


def test_a_page_without_an_answer_is_refused(tmp_path, monkeypatch):
    (tmp_path / "bare.md").write_text("# Bare\n\n```sh\nls\n```\n")
    monkeypatch.setattr(result_answers, "PAGES", tmp_path)
    with pytest.raises(ValueError, match=r"bare\.md does not begin with a heading and a paragraph"):
        result_answers.title_and_answer("bare")
