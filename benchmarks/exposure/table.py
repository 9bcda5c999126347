"""Tables and sentences of exposure bias: for the terminal, for pages and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.exposure.gap import Exposure, Gap, OverSeeds, exposure, less
from benchmarks.exposure.measure import Score
from benchmarks.report.files import csv_text, markdown_table
from benchmarks.report.table import NONE, Column, Table, table_of_texts

DIGITS = 4
FIRST = "MLE"
LESS = f"gap less that of {FIRST}"
SUMMARY = tuple(
    Column(title, priority=priority)
    for title, priority in {
        "agent": 0,
        "seeds": 5,
        "after real prefixes": 3,
        "after its own": 4,
        "gap": 1,
        "its growth a token": 2,
        "own / real": 6,
        LESS: 2,
    }.items()
)
HEADS = (
    *("agent", "score", "unit", "seed", "prefix_length", "texts"),
    *("real", "real_error", "own", "own_error", "gap", "gap_error"),
)


@dataclass(frozen=True)
class AgentGaps:
    """Gaps of one algorithm by one score: of each seed, at each length of the prefix."""

    label: str
    score: Score
    seeds: tuple[int, ...]
    runs: tuple[tuple[Gap, ...], ...]

    @property
    def by_seed(self) -> Mapping[int, tuple[Gap, ...]]:
        """The runs by their seeds."""
        return dict(zip(self.seeds, self.runs, strict=True))

    @property
    def together(self) -> Exposure:
        """Exposure that they show together."""
        return exposure(self.runs)


def summary(score: Score, found: Sequence[AgentGaps]) -> Table:
    """One line an algorithm: means over the lengths k >= 1 of the prefix, and over seeds."""
    heading = f"{score.title} ({score.unit})"
    of_score = [each for each in found if each.score == score]
    return table_of_texts(heading, SUMMARY, (_cells(each, against(each, found)) for each in of_score))


def against(each: AgentGaps, found: Sequence[AgentGaps]) -> OverSeeds | None:
    """By how much more an agent is exposed than likelihood, seed by seed; None for likelihood itself, or without it."""
    others = next((other for other in found if other.label == FIRST and other.score == each.score), None)
    return None if others is None or each.label == FIRST else less(each.by_seed, others.by_seed)


def by_length(each: AgentGaps) -> Table:
    """One line a length of the prefix, means over seeds."""
    columns = tuple(
        Column(title)
        for title in ("prefix", "after real prefixes", "after its own", "gap", "Monte-Carlo error of the gap")
    )
    rows = []
    for gaps in zip(*each.runs, strict=True):
        error = sum(gap.gap.error**2 for gap in gaps) ** 0.5 / len(gaps)
        levels = (sum(getattr(gap, name).value for gap in gaps) / len(gaps) for name in ("real", "own"))
        gap = shown(OverSeeds.of([gap.gap.value for gap in gaps]), "+")
        rows.append((str(gaps[0].length), *(f"{level:.{DIGITS}f}" for level in levels), gap, f"{error:.{DIGITS}f}"))
    return table_of_texts(f"{each.label}: {each.score.title}", columns, rows)


def shown(value: OverSeeds | None, sign: str = "", digits: int = DIGITS) -> str:
    """A mean with its interval, as tables show it."""
    if value is None:
        return NONE
    mean = f"{value.mean:{sign}.{digits}f}"
    if value.low is None or value.high is None:
        return mean
    return f"{mean} ({value.low:{sign}.{digits}f} to {value.high:{sign}.{digits}f})"


def verdict(each: AgentGaps) -> str:
    """The finding about an algorithm by a score, in a sentence."""
    together = each.together
    lengths = [gap.length for gap in each.runs[0] if gap.length]
    unit = f" {each.score.unit}" if each.score.unit != "share in [0, 1]" else ""
    size = f"{shown(together.gap, '+')}{unit} on average over prefixes of {lengths[0]} to {lengths[-1]} tokens"
    begins = f"{each.label}, {each.score.title}"
    if len(each.seeds) < 2:
        return f"{begins}: the gap is {size}; one seed has no interval."
    said = {
        True: "worse from its own prefixes than from real ones",
        False: "better from its own prefixes than from real ones",
        None: "no difference seen between its own prefixes and real ones",
    }[together.gap.above_zero]
    if together.growth is None:
        return f"{begins}: {said}, {size}."
    grows = {True: "it grows", False: "it shrinks", None: "it is not seen to grow"}[together.growth.above_zero]
    return f"{begins}: {said}, {size}; {grows} with the prefix, {shown(together.growth, '+')} a token."


def notes(texts: int) -> list[str]:
    """The columns in words."""
    return [
        f"An agent goes on from the first k tokens of {texts:,} real texts that it has not learned from, and from the "
        "first k tokens of as many texts of its own; both by the same random numbers. gap: by how much it goes on "
        "worse from its own; in brackets the 95% interval of the mean over seeds, by Student's t.",
        "NLL_oracle and KL of a continuation: means over its tokens, of exact values given the text before each. Total "
        "variation: of the agent's and the oracle's distributions of the token right after the prefix, exact (He et "
        "al. 2021). BLEU: of the continuation against what follows k tokens in other real texts; of a conditional "
        "task, in those of the same source.",
        "growth: slope of the gap over k >= 1. own / real: ratio of the means; 1 without exposure bias. gap less that "
        f"of {FIRST}: the difference of runs of the same seed; intervals are not corrected for how many there are.",
    ]


def markdown(name: str, found: Sequence[AgentGaps], said: Sequence[str]) -> str:
    """Everything, in Markdown."""
    parts = [f"# Exposure bias: {name}", *said]
    for score in dict.fromkeys(each.score for each in found):
        table = summary(score, found)
        parts += [f"## {table.title}", markdown_table(table)]
    parts += ["## Verdicts", "\n".join(f"- {verdict(each)}" for each in found)]
    for each in found:
        table = by_length(each)
        parts += [f"## {table.title}", markdown_table(table)]
    return "\n\n".join(parts) + "\n"


def csv(found: Sequence[AgentGaps]) -> str:
    """One line for each algorithm, score, seed and length of the prefix, at full precision."""
    return csv_text(HEADS, _lines(found))


def to_json(found: Sequence[AgentGaps]) -> list[Mapping[str, Any]]:
    """Plain JSON values: what the seeds say together, and each verdict."""
    return [
        {
            "agent": each.label,
            "score": each.score.name,
            "seeds": list(each.seeds),
            **asdict(each.together),
            "less_first": None if (compared := against(each, found)) is None else asdict(compared),
            "verdict": verdict(each),
        }
        for each in found
    ]


def _cells(each: AgentGaps, compared: OverSeeds | None) -> tuple[str, ...]:
    together = each.together
    used = [gap for run in each.runs for gap in run if gap.length]
    levels = (sum(getattr(gap, name).value for gap in used) / len(used) for name in ("real", "own"))
    return (
        each.label,
        str(len(each.seeds)),
        *(f"{level:.{DIGITS}f}" for level in levels),
        shown(together.gap, "+"),
        shown(together.growth, "+"),
        shown(together.ratio, digits=3),
        shown(compared, "+"),
    )


def _lines(found: Sequence[AgentGaps]) -> Iterator[dict[str, Any]]:
    for each in found:
        for seed, run in zip(each.seeds, each.runs, strict=True):
            for gap in run:
                yield {
                    "agent": each.label,
                    "score": each.score.name,
                    "unit": each.score.unit,
                    "seed": seed,
                    "prefix_length": gap.length,
                    "texts": gap.gap.count,
                    "real": gap.real.value,
                    "real_error": gap.real.error,
                    "own": gap.own.value,
                    "own_error": gap.own.error,
                    "gap": gap.gap.value,
                    "gap_error": gap.gap.error,
                }
