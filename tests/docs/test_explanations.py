"""The explanations' code runs, their figures are those of the results, and their pictures are drawn for both pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import gymnasium as gym
import numpy as np
import pytest

import explanation_pictures
import textgen_env  # noqa: F401
from benchmarks.analysis.aggregate_coverage import COVERAGE, LOWER, REPLICATES, SPREAD
from benchmarks.analysis.statistics import mean_interval, rate_interval
from pictures import (
    estimator_variance,
    exposure_gap,
    house_map,
    oracle_likelihood,
    seed_power,
    throughput_bars,
)
from pictures.canvas import DARK, LIGHT, rows
from textgen_env.solve import TextMDP, all_texts, entropy, expected_return, solve

DOCS = Path(__file__).parents[2] / "docs"

PAGES = sorted((DOCS / "explanations").glob("*.md"))
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M))
]


def prose(name: str) -> str:
    """A page without code, on one line."""
    text = FENCE.sub("", (DOCS / "explanations" / f"{name}.md").read_text(encoding="utf-8"))
    return " ".join(text.split())


@pytest.mark.parametrize("code", BLOCKS)
def test_block_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "explanation", "exec", dont_inherit=True), {"__name__": "explanation"})
    assert ("print(" in code) == bool(capsys.readouterr().out.strip())


def decision_process() -> Iterator[str]:
    env = gym.make("TextGen-Tiny-v0")
    best = solve(env)
    mdp = TextMDP.of(env)
    texts = all_texts(mdp)
    yield f"{mdp.num_states} prefixes that can be written on, {len(texts.tokens)} texts"
    yield f'"{env.unwrapped.task.vocabulary.decode(best.texts.tokens[0])}", and it earns {best.optimum:.2f}'
    uniform = np.full(mdp.allowed.shape, 1 / mdp.vocab_size)
    yield f"Uniform tokens earn {expected_return(mdp, uniform):.2f}"
    after_b = mdp.state([2])
    yield f"with a $Q$ of {best.Q[after_b, 3]:.2f}, though its own reward is {mdp.rewards[after_b, 3]:.2f}"
    yield f"of a is {mdp.rewards[after_b, 1]:.2f}"
    scores = env.unwrapped.score(texts.tokens, texts.lengths)
    _, second, third, fourth = np.sort(scores)[::-1][:4]
    yield f"{second:.2f} and {third:.2f}"
    yield f"c b c c a at {fourth:.2f}"
    soft = {tau: solve(env, temperature=tau) for tau in (1.0, 0.1)}
    yield f"{entropy(mdp, soft[1.0].policy):.2f} nats a text and a return of {soft[1.0].expected_return:.2f}"
    yield f"keeps {entropy(mdp, soft[0.1].policy):.2f} nats and earns {soft[0.1].expected_return:.2f}"


def likelihood_to_policy_gradient() -> Iterator[str]:
    found = estimator_variance.estimates()
    variances = {name: f"{each['variance']:.2f}" for name, each in found.items()}
    yield f"from {variances['whole return, none']} to {variances['whole return, learned']}"
    yield f"from there to {variances['reward-to-go, learned']}, $\\lambda = 0.95$ to {variances['A2C, lambda=0.95']}"
    times = found["SeqGAN, N=16"]["tokens"] / found["whole return, none"]["tokens"]
    yield f"cost {times:.0f} times the tokens of a text and leave {variances['SeqGAN, N=16']}"
    yield f"its cosine with $g$ is {found['GRPO, k=4']['cosine']:.2f}"
    yield f"along $g$ it is {found['Gumbel-softmax, tau=1']['bias']:.0%} too long"


def oracle_likelihood_page() -> Iterator[str]:
    cpu, small = oracle_likelihood.means("cpu"), oracle_likelihood.means("small")
    titles = {
        "MLE": "maximum likelihood",
        "MLE-T0.9": "the same, at temperature 0.9",
        "MLE-T0.75": "the same, at temperature 0.75",
        "SeqGAN": "SeqGAN, as its code has it",
        "Constant": "a constant reward in the discriminator's place",
        "Noise": "a random reward in the discriminator's place",
        "SeqGAN-steady": "SeqGAN with log-odds and a baseline",
        "ScheduledSampling": "scheduled sampling",
    }
    for agent, title in titles.items():
        each = cpu[agent]
        yield f"| {title} | {each['nll_oracle']:.3f} | {each['nll_test']:.3f} | {each['entropy']:.2f} |"
    yield f"{cpu['oracle']['entropy']:.2f} nats a token"
    yield f"than uniform tokens ({cpu['Uniform']['nll_test']:.3f})"
    yield f"{small['SeqGAN-steady']['nll_oracle']:.3f} against {small['MLE']['nll_oracle']:.3f}"
    p = {
        row["agent"]: float(row["p_holm"])
        for row in rows("table1-cpu/differences.csv")
        if row["measure"] == "nll_oracle" and row["p_holm"]
    }
    yield f"has p = {p['MLE']:.2f}, against the constant reward {p['Constant']:.2f}, after Holm's"
    yield f"({small['Constant']['nll_oracle']:.3f} and {small['Noise']['nll_oracle']:.3f})"
    yield f"has {small['Noise-steady']['nll_oracle']:.3f}"
    yield f"Temperature 0.9 has {small['MLE-T0.9']['nll_oracle']:.3f}"
    cheats = small["REINFORCE-oracle"]
    yield f"ends at {cheats['nll_oracle']:.3f} on the small oracle"
    yield f"whose own entropy is {small['oracle']['entropy']:.3f}"
    yield f"entropy of {cheats['entropy']:.2f}"
    columns = {
        row["agent"]: float(row["mean"]) for row in rows("columns-small/table.csv") if row["measure"] == "nll_oracle"
    }
    yield f"{columns['SeqGAN-2columns']:.3f} with two columns, {columns['SeqGAN']:.3f} with one"


def aggregates() -> Iterator[str]:
    titles = ("interquartile mean", "median", "mean", "optimality gap", "P(improvement)")
    for kind, found in COVERAGE.items():
        for title, shares in zip(titles, found.values(), strict=True):
            yield f"| {kind} | {title} | {' | '.join(f'{share:.1%}' for share in shares)} |"
    kept = json.loads((DOCS.parent / "tests/benchmarks/analysis/rliable.json").read_text(encoding="utf-8"))
    yield f"their library rliable {kept['rliable']}"
    yield f"scores normal ({SPREAD} wide), or with one run of five stuck {LOWER} lower"
    yield f"{REPLICATES:,} simulated suites"


def seeds() -> Iterator[str]:
    for count in (3, 5, 10, 30):
        chances = " | ".join(f"{seed_power.power(effect, count):.0%}" for effect in seed_power.EFFECTS)
        yield f"| {count} | {chances} |"
    yield f"told apart {seed_power.power(2.0, 3):.0%} of the time"
    yield f"show none with probability {seed_power.unseen(10):.0%}"
    needed = next(n for n in range(1, 100) if seed_power.unseen(n) <= 0.05)
    yield f"it takes {needed} seeds to see one with 95%"
    ten, thirty = rate_interval(0, 10)[1], rate_interval(0, 30)[1]
    yield f"may still be {ten:.1%}, after 0 of 30 {thirty:.1%} (Clopper and Pearson's 95% interval)"
    (tested,) = [
        row
        for row in rows("table1-small/differences.csv")
        if row["agent"] == "Noise" and row["measure"] == "nll_oracle"
    ]
    yield f"with p = {float(tested['p_over_sequences']):.0e}"
    yield f"(p = {float(tested['p_holm']):.2f} after Holm's correction)"
    (noise,) = [
        row for row in rows("table1-small/table.csv") if row["agent"] == "Noise" and row["measure"] == "nll_oracle"
    ]
    yield f"between {float(noise['lowest']):.1f} and {float(noise['highest']):.1f} nats"
    shares: dict[str, list[float]] = {}
    for row in rows("exact/fresh_seeds.csv"):
        if 1000 <= int(row["seed"]) < 1030:
            shares.setdefault(row["agent"], []).append(float(row["optimum_share"]))
    failed = {agent: sum(share < 0.98 for share in of) for agent, of in shares.items()}
    assert (failed["TRPO"], failed["Off-policy"], failed["PPO"]) == (5, 2, 1)
    yield f"PPO once, at {min(shares['PPO']):.0%} of the optimum"


def exposure_bias() -> Iterator[str]:
    titles = {
        "MLE": "maximum likelihood",
        "ScheduledSampling": "scheduled sampling",
        "SeqGAN": "SeqGAN, as its code has it",
        "SeqGAN-steady": "SeqGAN with log-odds and a baseline",
        "SCST": "self-critical",
    }
    a_seed: dict[tuple[str, str], list[float]] = {}
    for row in rows("exposure/exposure.csv"):
        if row["score"] == "kl_reverse" and int(row["prefix_length"]):
            a_seed.setdefault((row["agent"], row["seed"]), []).append(float(row["gap"]))
    gaps = {
        agent: np.array([np.mean(of) for (name, _), of in a_seed.items() if name == agent], np.float64)
        for agent in titles
    }
    for agent, title in titles.items():
        low, high = mean_interval(gaps[agent])
        real = exposure_gap.after_real(agent)
        yield f"| {title} | {real:.3f} | {gaps[agent].mean():+.3f} ({low:+.3f} to {high:+.3f}) |"
    mle = gaps["MLE"].mean()
    yield f"{mle:.3f} nats a token beside the {exposure_gap.after_real('MLE'):.2f}"
    yield f"The gap is {mle / exposure_gap.after_real('MLE'):.0%} of what"
    line = exposure_gap.gaps("MLE")
    yield f"loses {line[1]:.3f} nats after one token of its own and {line[9]:.3f} after nine"
    yield f"{mle - gaps['SeqGAN-steady'].mean():.3f} less than likelihood"
    slope = np.polyfit([k for k in line if k], [gap for k, gap in line.items() if k], 1)[0]
    yield f"grows by {slope:.2f} nats a token"
    numbers = [
        float(row["gap"])
        for row in rows("exposure-numbers/exposure.csv")
        if row["agent"] == "MLE" and int(row["prefix_length"])
    ]
    yield f"likelihood loses {np.mean(numbers):.3f} after its own prefixes"


def limits() -> Iterator[str]:
    def said(rate: float) -> str:
        return f"{rate / 1e6:.1f}M" if rate >= 1e6 else f"{rate / 1e3:.0f}k"

    for game in ("tiny", "captions", "numberwords", "oraclesmall", "oracle", "captionsgan"):
        of = throughput_bars.steps_a_second
        yield f"| {said(of(game))} | {said(of(game, True))} | {said(of(game, True, 'reference'))} |"
    kernels, training = throughput_bars.costs(""), throughput_bars.costs("-training")
    bleu, build = kernels["bleu-oracle"], kernels["bleu-build"]
    yield f"| {bleu['ours'] * 1e6:.2f} µs | {bleu['reference'] * 1e6:.0f} µs"
    yield f"| {build['ours'] * 1e3:.0f} ms | {build['reference'] * 1e3:.0f} ms |"
    yield f"| {kernels['self-bleu']['ours'] * 1e3:.0f} ms | {kernels['self-bleu']['reference']:,.0f} s"
    errors, sampling = kernels["word-error-rate"], kernels["sampling"]
    yield f"| {errors['ours'] * 1e6:.2f} µs | {errors['reference'] * 1e6:.0f} µs"
    yield f"| {sampling['ours'] * 1e6:.1f} µs | {sampling['reference'] * 1e6:.0f} µs"
    yield f"maximum likelihood | {training['mle-update']['ours'] * 1e3:.0f} ms |"
    yield f"update of REINFORCE | {training['reinforce-update']['ours'] * 1e3:.0f} ms |"
    yield f"filters | {training['discriminator-update']['ours'] * 1e3:.0f} ms |"
    yield f"roll-outs a prefix | {training['seqgan-step']['ours']:.1f} s |"
    ppo, script = training["ppo-sb3"], training["ppo-cleanrl"]
    yield f"from {1e-3 / ppo['ours']:.0f}k tokens a second, {ppo['reference'] / ppo['ours']:.1f} times"
    yield f"and {script['reference'] / script['ours']:.1f} times a script"
    yield f"oracle has {1e-3 / training['reinforce-oracle']['ours']:.0f}k"
    dense = kernels["bleu-dense"]
    yield f"a token of a text of 500 costs {dense['ours'] / dense['reference']:.2f} times one of a text of 20"
    curves = throughput_bars.exponents("") | throughput_bars.exponents("-training")
    for name, axis in {
        "reinforce-tokens": "tokens of a text, 20 to 500",
        "reinforce-vocabulary": "vocabulary, 100 to 20,000",
        "reinforce-texts": "texts, 16 to 1,024",
        "sampling-vocabulary": "vocabulary, 100 to 20,000",
        "vector-rows": "rows, 64 to 65,536",
        "self-bleu": "texts, 10,000 to 300,000",
    }.items():
        yield f"| {axis} | {curves[name]:.2f} |"


FIGURES: dict[str, Callable[[], Iterator[str]]] = {
    "decision_process": decision_process,
    "likelihood_to_policy_gradient": likelihood_to_policy_gradient,
    "oracle_likelihood": oracle_likelihood_page,
    "seeds": seeds,
    "aggregates": aggregates,
    "exposure_bias": exposure_bias,
    "limits": limits,
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_the_results(name: str) -> None:
    text = prose(name)
    wrong = [said for said in FIGURES[name]() if said not in text]
    assert not wrong, f"docs/explanations/{name}.md does not say: {wrong}"


# Figures that are no results: settings of an experiment, of a test, or of a simulation.
SETTINGS = {
    "decision_process": set(),
    "likelihood_to_policy_gradient": set(),
    "oracle_likelihood": {"0.9", "0.75"},
    "seeds": {"5%", "95%", "0.5"},
    "aggregates": {"95%"},
    "exposure_bias": {"95%"},
    "limits": set(),
    "migration": {"0.5", "1.0"},
    "house": set(),
    "index": set(),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_figure_is_left_without_a_test(page: Path) -> None:
    text = prose(page.stem)
    for said in sorted(FIGURES.get(page.stem, lambda: iter(()))(), key=len, reverse=True):
        text = text.replace(said, "")
    found = set(re.findall(r"(?<![\w.])[+-]?\d+\.\d+|\d+%|\b\d+[kM]\b", re.sub(r"\$[^$]*\$", "", text)))
    assert found <= SETTINGS[page.stem], f"{page.name} has figures that no result gives: {found - SETTINGS[page.stem]}"


@pytest.mark.parametrize("name", explanation_pictures.PICTURES)
def test_pictures_are_drawn_alike_each_time_for_both_pages(name: str) -> None:
    light, dark = (explanation_pictures.drawn(name, palette) for palette in (LIGHT, DARK))
    assert ElementTree.fromstring(light).tag.endswith("svg")
    assert light != dark
    assert explanation_pictures.drawn(name, LIGHT) == light
    pages = [*PAGES, *(DOCS / "results").glob("*.md")]
    assert any(f"{{explanation-picture}} {name}\n" in page.read_text(encoding="utf-8") for page in pages)


def test_a_picture_of_results_names_their_command() -> None:
    (line,) = explanation_pictures.caption("python -m benchmarks variance")
    assert line.astext() == "Drawn from the committed results of python -m benchmarks variance."
    assert explanation_pictures.caption("") == []
    for name in explanation_pictures.PICTURES:
        module = import_module(f"pictures.{name}")
        of_results = "RESULTS" in vars(module) or "rows" in vars(module)
        assert hasattr(module, "COMMAND") == of_results, name


def test_the_map_of_the_house_shows_that_imports_run_down() -> None:
    layers = {box: layer for box, (_, layer, _, _) in house_map.BOXES.items()}
    found = house_map.imports()
    assert len(found) > 15
    for importer, imported in found:
        # The command line of a package stands above it.
        if (importer, imported) != ("corpora, words, kernels", "tasks, rewards"):
            assert layers[importer] <= layers[imported], (importer, imported)


def test_every_page_is_short_and_in_the_index() -> None:
    index = (DOCS / "explanations" / "index.md").read_text(encoding="utf-8")
    for page in PAGES:
        assert len(prose(page.stem).split()) <= 1_050, page
        assert page.stem == "index" or (f"\n{page.stem}\n" in index and f"({page.name})" in index)
