"""Each agent, reward and measure has its page, with an equation that is drawn and lines that run."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from docutils.utils.math.latex2mathml import tex2mathml

import agent_pages
import measure_pages
import papers
import reward_pages
from agent_pages import notes
from agents import AGENTS
from benchmarks.experiments.exact import EXPERIMENT
from benchmarks.measures.measures import TABLE
from computed_values import printed
from exact_evidence import held, of_the_gradient, of_the_optimum
from kept_tables import csv_rows
from textgen_env.specs import REWARDS

CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


SAID = {"equation", "use", "avoid"}


@pytest.mark.parametrize(
    ("file", "registry", "said"),
    [("agents.toml", AGENTS, SAID), ("rewards.toml", REWARDS, SAID | {"unit", "range"})],
)
def test_every_name_has_its_entry_and_none_is_left_over(file, registry, said):
    assert set(notes(file)) == set(registry)
    for name, note in notes(file).items():
        assert set(note) - {"named", "program", "note"} == said, name
        assert tex2mathml(note["equation"], as_block=True).startswith("<math"), name


@pytest.mark.parametrize("name", list(AGENTS))
def test_the_page_of_an_agent(name):
    text = agent_pages.page(name)
    assert all(part in text for part in ("## When", "## Hyperparameters", "## Held to the exact answer"))
    assert agent_pages.index().count(f"\n{name}\n") == 1


def test_an_agents_page_has_its_rows_and_its_papers():
    text = agent_pages.page("ppo")
    assert "| PPO | new seeds | " in text
    assert "#paper-schulman2017" in text or "paper-schulman2017" in text
    assert "`clip" in text


@pytest.mark.parametrize("name", ["mle", "reinforce", "q_learning"])
def test_an_agents_lines_run(name):
    (code,) = CODE.findall(agent_pages.page(name))
    exec(compile(code, name, "exec", dont_inherit=True), {"__name__": "page"})


@pytest.mark.parametrize("name", list(REWARDS))
def test_the_page_of_a_reward(name):
    text = reward_pages.page(name)
    assert "## When" in text
    assert reward_pages.index().count(f"\n{name}\n") == 1


def test_a_rewards_value_is_what_its_program_prints():
    text = reward_pages.page("bleu")
    (code,) = CODE.findall(text)
    shown = re.search(r"^```text\n(.*?)\n```", text, re.DOTALL | re.MULTILINE)[1]
    assert shown == printed(code)
    values = [float(line.split()[0]) for line in shown.splitlines()]
    assert values[0] == 1.0 > values[1] > values[2] > 0.0


def test_a_program_that_prints_nothing_is_an_error():
    with pytest.raises(ValueError, match="prints nothing"):
        printed("x = 1")


def test_a_reward_names_the_papers_of_the_metric_that_it_uses():
    text = reward_pages.page("bleu")
    assert "paper-papineni2002bleu" in text
    assert "paper-post2018call" in text
    assert "paper-papineni2002bleu" not in reward_pages.page("chrf")


def test_the_rows_of_an_agent_that_was_set_anew_say_so():
    rows = held("ppo")
    assert [(row.table, row.current) for row in rows] == [("new seeds", True), ("new seeds", False), ("table", False)]
    assert rows[0].seeds == (2000, 2029)
    assert rows[1].below == 1
    text = of_the_optimum("ppo")
    assert "`entropy_half_life=12000, entropy_weight=1.0, scale_advantages=False`, 60,000 tokens" in text
    assert text.count("earlier: defaults") == 2


@pytest.mark.parametrize("agent", sorted({each.agent for each in EXPERIMENT.algorithms} & set(AGENTS)))
def test_every_committed_row_of_an_agent_is_on_its_page(agent):
    labels = {each.label for each in EXPERIMENT.algorithms if each.agent == agent}
    kept = [line for line in csv_rows("exact", "fresh_seeds.csv") if line["agent"] in labels]
    shown = held(agent)
    assert sum(row.runs for row in shown if row.table == "new seeds") == len(kept)
    assert {row.label for row in shown if row.table == "table"} == labels
    assert any(row.current for row in shown)


def test_an_agent_that_is_held_to_the_soft_optimum_shows_its_divergence():
    (fresh, table) = held("soft_policy_gradient")
    assert fresh.soft
    assert table.soft
    assert fresh.mean < 0.02
    assert "KL to the soft optimum" in of_the_optimum("soft_policy_gradient")


def test_the_estimators_of_an_agent_are_those_that_are_kept():
    lines = [line for line in of_the_gradient("a2c").splitlines() if line.startswith("| A2C")]
    assert len(lines) == 6
    kept = next(
        line
        for line in csv_rows("variance", "variance.csv")
        if (line["estimator"], line["policy"], line["texts"]) == ("A2C, lambda=0", "fresh", "64")
    )
    shown = next(line for line in lines if "lambda=0 |" in line and "fresh" in line)
    assert f"{float(kept['bias']):+.0%}" in shown
    assert "not claimed, and seen to be biased" in shown
    assert of_the_gradient("trpo") == of_the_gradient("npg")
    assert of_the_gradient("mle") == ""


def test_every_measure_has_its_page_and_no_entry_is_left_over():
    assert set(measure_pages.notes()) == set(measure_pages.pages())
    assert sum(len(each) for each in measure_pages.pages().values()) == len(TABLE)
    text = measure_pages.index()
    assert [each.name for each in TABLE if f"`{each.name}`" not in text] == []
    assert all(measure_pages.meaning(each) for each in TABLE)


@pytest.mark.parametrize("name", measure_pages.notes())
def test_the_entry_of_a_measure(name):
    note = measure_pages.notes()[name]
    assert set(note) == {"equation", "range", "use", "avoid", "function", "papers", "program"}
    assert tex2mathml(note["equation"], as_block=True).startswith("<math")
    assert set(note["papers"]) <= set(papers.load())
    module, _, attribute = note["function"].rpartition(".")
    assert getattr(import_module(module), attribute).__doc__


QUICK = set(measure_pages.notes()) - {"nll_oracle", "nll_test", "decoded_return", "decoded_exact", "fluency"}


@pytest.mark.parametrize("name", sorted(QUICK))
def test_the_page_of_a_measure(name):
    text = measure_pages.page(name)
    (code,) = CODE.findall(text)
    assert printed(code) in text
    assert all(part in text for part in ("**Unit:**", "## When", "## Function", "$$"))
    assert measure_pages.index().count(f"\n{name}\n") == 1


def test_a_measures_value_is_the_exact_one():
    shown = printed(CODE.findall(measure_pages.page("kl_forward"))[0])
    estimate, exact = shown.splitlines()
    value, error = (float(each) for each in re.findall(r"\d+\.\d+", estimate))
    assert abs(value - float(exact.split()[0])) < 3 * error + 0.001


def test_measures_that_are_decoded_share_a_page():
    assert [each.name for each in measure_pages.pages()["decoded_wer"]] == ["greedy_wer", "sample_wer", "beam_wer"]
    assert [each.name for each in measure_pages.pages()["distinct"]] == ["distinct_1", "distinct_2", "distinct_3"]
    assert measure_pages.title("corpus_bleu", measure_pages.pages()["corpus_bleu"]) == "corpus BLEU"
