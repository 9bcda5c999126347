"""Reference returns: of texts that no agent wrote."""

from __future__ import annotations

from agents.protocol import Envs
from benchmarks.measures.measured import MOST_STATES
from benchmarks.measures.measures import optimum
from benchmarks.store.results import Reference
from textgen_env import Task, Texts, text_game
from textgen_env.rewards.likelihood import HasLanguageModel
from textgen_env.solve import TextMDP


def references(envs: Envs, texts: Texts | None) -> dict[str, Reference]:
    """Returns of texts that no agent wrote: of the test data, of the oracle's greedy sequence, of the best text (of a
    game small enough to solve)."""
    game = text_game(envs)
    task = game.task
    found: dict[str, Reference] = {}
    if texts is not None:
        title = "oracle's own texts" if isinstance(task, HasLanguageModel) else "test data"
        found["data"] = Reference(title, float(game.score(*texts).mean()))
    greedy = getattr(task, "greedy_sequence", None)
    if greedy is not None:
        found["greedy"] = Reference("greedy oracle sequence", float(game.score(greedy()[None])[0]))
    try:
        mdp = TextMDP.of(envs, most_states=MOST_STATES)
    except ValueError:
        return found
    title = "best text" if task.sources is None else "best text for each source"
    return {**found, "optimum": Reference(title, optimum(mdp))}


def oracle_entropy(task: Task) -> float | None:
    """Of a task with an oracle, nats a token: what nll_oracle and nll_test are for a perfect imitation."""
    return _number(task, "entropy")


def oracle_entropy_error(task: Task) -> float | None:
    """The standard error of `oracle_entropy`, where the task knows one."""
    return _number(task, "entropy_error")


def _number(task: Task, name: str) -> float | None:
    found = getattr(task, name, None)
    return None if found is None else float(found)
