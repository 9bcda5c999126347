"""Scores of agents in the diagnostics: shares of the exact optimum above uniform tokens, over values and over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import fmean, stdev

import gymnasium
import numpy as np

import textgen_env  # noqa: F401  registers the ids
from benchmarks.analysis.load import Collected
from benchmarks.diagnostics.knobs import ENV_ID, Knob, games
from textgen_env.solve import TextMDP, backward_induction, expected_return

MEASURE = "optimum_share"
SEPARATOR = "."
"""Between agent and game in the label of an algorithm."""


@dataclass(frozen=True)
class Ends:
    """Exact returns of a game, between which a score is counted.

    Attributes:
        uniform: of uniform tokens.
        optimum: the most that can be expected by who is shown what an agent is shown.
        informed: the most by who is also told the source: what `optimum_share` is a share of.
    """

    uniform: float
    optimum: float
    informed: float

    def score(self, earned: float) -> float:
        """(earned - uniform) / (optimum - uniform), and 0 for what is worse than uniform tokens."""
        return max(0.0, (earned - self.uniform) / (self.optimum - self.uniform))


@cache
def ends(game: str) -> Ends:
    """The ends of a game, by enumeration."""
    mdp = TextMDP.of(gymnasium.make(ENV_ID, **games()[game]))
    policy = mdp.allowed / mdp.allowed.sum(1, keepdims=True)
    return Ends(expected_return(mdp, policy), _optimum(sources_unseen(mdp)), _optimum(mdp))


def sources_unseen(mdp: TextMDP) -> TextMDP:
    """The game of who cannot tell the sources apart: what a token earns is the mean over them.

    Args:
        mdp: of sources that show the same tokens and allow the same texts; or without sources, which is returned.

    Raises:
        ValueError: sources that can be told apart.
    """
    if mdp.sources is None:
        return mdp
    count, chances = len(mdp.start[mdp.levels[0]]), mdp.start[mdp.levels[0]]
    if len(np.unique(mdp.sources.tokens, axis=0)) > 1:
        raise ValueError("mdp: its sources show different tokens, by which they can be told apart")
    # The states of a level are those of the first source, then those of the second, each in the same order.
    rewards = [np.tensordot(chances, mdp.rewards[level].reshape(count, -1, mdp.vocab_size), 1) for level in mdp.levels]
    starts = [level.start for level in mdp.levels]
    kept = np.concatenate([begun + np.arange(len(each)) for begun, each in zip(starts, rewards, strict=True)])
    # One entry more: the -1 of a text's end leads to itself.
    place = np.full(mdp.num_states + 1, -1)
    place[kept] = np.arange(len(kept))
    return replace(
        mdp,
        tokens=mdp.tokens[kept],
        lengths=mdp.lengths[kept],
        sources=None,
        start=(kept == 0).astype(np.float64),
        allowed=mdp.allowed[kept],
        next_state=place[mdp.next_state[kept]],
        rewards=np.concatenate(rewards),
    )


@dataclass(frozen=True)
class AgentScores:
    """Scores of one agent.

    Attributes:
        label: of the agent.
        seeds: those with a result in every game.
        games: name of a game -> its scores, one a seed.
        earned: the same of what the policy can be expected to earn.
    """

    label: str
    seeds: tuple[int, ...]
    games: Mapping[str, tuple[float, ...]]
    earned: Mapping[str, tuple[float, ...]]

    def of_game(self, game: str) -> tuple[float, float | None]:
        """Mean over seeds, and its standard error; None of one seed."""
        return _mean_and_error(self.games[game])

    def of_knob(self, knob: Knob) -> tuple[float, float | None]:
        """Score in a diagnostic: the mean over its values, and over seeds; and its standard error over seeds."""
        by_seed = zip(*(self.games[game] for game in knob.games), strict=True)
        return _mean_and_error([fmean(values) for values in by_seed])


def scores(collected: Collected) -> tuple[list[AgentScores], list[str]]:
    """The scores of every agent in the results of an experiment, and what was left out, in words.

    Raises:
        ValueError: no results of the diagnostics; a run of another game than its name says.
    """
    found: dict[str, dict[str, dict[int, float]]] = {}
    known = games()
    for each in collected.algorithms:
        label, _, game = each.label.partition(SEPARATOR)
        if game not in known:
            raise ValueError(
                f"DIR={str(collected.folder)!r}: {each.label!r} is no agent in a game of the diagnostics; give a "
                "folder of `python -m benchmarks run diagnostics`"
            )
        if each.config is not None and each.config.get("env_kwargs") != known[game]:
            raise ValueError(
                f"DIR={str(collected.folder)!r}: {each.label!r} was played with {each.config.get('env_kwargs')}, and "
                f"{game!r} is {known[game]}; run the diagnostics anew"
            )
        finished = ((record.seed, record.state.result) for record in each.records)
        found.setdefault(label, {})[game] = {
            seed: result.measures[MEASURE] * ends(game).informed
            for seed, result in finished
            if result is not None and MEASURE in result.measures
        }
    left_out, scored = [], []
    for label, earned in found.items():
        seeds = [set(earned.get(game, ())) for game in known]
        whole, some = sorted(set.intersection(*seeds)), sorted(set.union(*seeds))
        if missing := [seed for seed in some if seed not in whole]:
            said = ", ".join(map(str, missing))
            left_out.append(f"{label}: without seed {said}, of which not every game has a result")
        if whole:
            by_game = {game: tuple(earned[game][seed] for seed in whole) for game in known}
            shares = {game: tuple(map(ends(game).score, values)) for game, values in by_game.items()}
            scored.append(AgentScores(label, tuple(whole), shares, by_game))
    if not scored:
        raise ValueError(f"DIR={str(collected.folder)!r}: no agent has a result in every game of the diagnostics")
    return scored, left_out


def _optimum(mdp: TextMDP) -> float:
    return float(mdp.start @ backward_induction(mdp).V)


def _mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    return fmean(values), error
