"""Command `python -m benchmarks exposure`: measures, prints, keeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.evaluation.evaluator import texts_to_test_on
from benchmarks.exposure.gap import Gap
from benchmarks.exposure.measure import Score, measured_gaps, prefixes_and_references
from benchmarks.exposure.plot import picture
from benchmarks.exposure.table import AgentGaps, csv, markdown, notes, summary, to_json, verdict
from benchmarks.policies.finished import FinishedAgent, FinishedRuns, finished_runs
from benchmarks.report.terminal import print_table, say
from benchmarks.store.provenance import versions
from benchmarks.store.run_folder import write_json, write_text
from benchmarks.throughput.plot import write_picture
from textgen_env import Task, Texts, text_game
from textgen_env.checks import check_at_least
from textgen_env.rewards.likelihood import HasLanguageModel

FORMAT = 1
NAME = "exposure"
# Of the test texts.
ALL = 10**9


def exposure(
    folder: Path,
    console: Console,
    texts: int = 2_000,
    lengths: int = 12,
    only: Sequence[str] = (),
    seed: int = 0,
    out: Path | None = None,
    trust: bool = False,
) -> list[AgentGaps]:
    """Measures the exposure bias of an experiment's finished agents, prints a table for each score and a sentence for
    each agent, and writes `exposure.json`, `.csv`, `.md`, `.png` and `.svg`.

    Args:
        folder: of one experiment's results.
        console: to print on.
        texts: real prefixes, at most; and as many of the agent's own.
        lengths: of the prefix, at most; evenly spaced.
        only: labels of algorithms; all if empty.
        seed: of what is drawn.
        out: the folder to write into; None for the experiment's.
        trust: whether import paths in the runs' settings are followed.

    Raises:
        ValueError: arguments out of range, no such folder or label, no agent that can be measured; nothing is written
            then.
        OSError: a folder that cannot be written.
    """
    check_at_least("texts", texts, least=2)
    check_at_least("lengths", lengths, least=2)
    check_at_least("seed", seed, least=0)
    runs = finished_runs(folder, only, trust=trust)
    begun = time.perf_counter()
    left_out = list(runs.left_out)
    measured: dict[tuple[str, int], dict[Score, list[Gap]]] = {}
    with console.status("measuring", spinner="line") as status:
        for each in runs.agents:
            status.update(f"{each.label}, seed {each.seed}")
            try:
                measured[each.label, each.seed] = _measured(each, texts, lengths, seed)
            except (ValueError, FloatingPointError) as error:
                left_out.append(f"{runs.name}/{each.label}/seed-{each.seed} is left out: {error}")
    found = _by_agent(runs, measured)
    for reason in left_out:
        say(reason, "yellow", console)
    if not found:
        raise ValueError(f"DIR={str(folder)!r}: the exposure bias of none of its agents can be measured")
    said = notes(texts)
    for score in dict.fromkeys(each.score for each in found):
        table = summary(score, found)
        print_table(table, table.title, console, f"{NAME}.md has them")
    for note in said:
        say(note, "dim", console)
    for row in found:
        say(verdict(row), "", console)
    into = runs.folder if out is None else out
    into.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "experiment": runs.name,
        "texts": texts,
        "seed": seed,
        "seconds": time.perf_counter() - begun,
        "versions": versions(),
        "left_out": left_out,
    }
    write_json(into / f"{NAME}.json", {**about, "found": to_json(found)})
    write_text(into / f"{NAME}.csv", csv(found))
    write_text(into / f"{NAME}.md", markdown(runs.name, found, [*said, *left_out]))
    write_picture(picture(found), into / NAME)
    say(f"written into {into}: {NAME}.json, .csv, .md, .png, .svg", "", console)
    return found


def _measured(each: FinishedAgent, texts: int, lengths: int, seed: int) -> dict[Score, list[Gap]]:
    task = text_game(each.env).task
    held_out = _held_out(task, each.kept_back)
    # An oracle needs no references, and the texts of a source are all held against those of their own.
    apart = task.sources is None and not isinstance(task, HasLanguageModel)
    drawn = np.random.SeedSequence([seed, each.seed])
    real, references = prefixes_and_references(held_out, texts, apart, np.random.default_rng(drawn))
    return measured_gaps(each.next_tokens, task, real, references, lengths, int(drawn.generate_state(1)[0]))


def _held_out(task: Task, kept_back: int) -> Texts:
    """The texts of the task's test data that no point of a curve was chosen by; the training data if there are none."""
    found = texts_to_test_on(task, ALL, kept_back)
    return task.training_sequences() if found is None else found


def _by_agent(runs: FinishedRuns, measured: dict[tuple[str, int], dict[Score, list[Gap]]]) -> list[AgentGaps]:
    """By score and algorithm."""
    scores = dict.fromkeys(score for of_run in measured.values() for score in of_run)
    found = []
    for score in scores:
        for label in runs.labels:
            of_label = {seed: by[score] for (name, seed), by in measured.items() if name == label and score in by}
            if not of_label:
                continue
            # Agents whose own texts end early have fewer lengths: those that all seeds have are compared.
            common = set.intersection(*({gap.length for gap in gaps} for gaps in of_label.values()))
            kept = tuple(tuple(gap for gap in gaps if gap.length in common) for gaps in of_label.values())
            if any(common):
                found.append(AgentGaps(label, score, tuple(of_label), kept))
    return found
