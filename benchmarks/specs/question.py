"""Question of a person's own: agents and an environment by name, made into an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.specs.checked_experiment import check_made
from benchmarks.specs.experiment import LABEL, Algorithm, Evaluation, Experiment
from benchmarks.specs.named import (
    OF_ALGORITHM,
    NamedAgent,
    check_config,
    environment_arguments,
    named_agent,
    with_own_parts,
)
from benchmarks.specs.settings import Settings, check_names, parsed_settings
from benchmarks.specs.tuned import Tuned, nearest, tuned_at
from textgen_env import text_game

MEASURES = ("nll_test", "bleu_4", "self_bleu_4", "distinct_2")


@dataclass(frozen=True)
class Question:
    """Question of a person's: which of these agents learns most, here, with so many tokens?

    Attributes:
        agents: "[LABEL=]NAME", at least one; the label is the name by default.
        env_id: of a registered environment.
        settings: "env.NAME=VALUE", "agent.NAME=VALUE" for every agent, "LABEL.NAME=VALUE" for one,
            "evaluation.NAME=VALUE".
        tokens: of training, each agent's.
        name: of the folder of results; "" for one made of environment and labels.
        tuned: the folder of tuned settings, which are taken where there are some for an agent here, but for what
            `settings` say; None: the agents' defaults.
    """

    agents: tuple[str, ...]
    env_id: str
    settings: tuple[str, ...] = ()
    tokens: int = 100_000
    name: str = ""
    tuned: Path | None = None

    def __post_init__(self) -> None:
        if not self.agents:
            raise ValueError("--agent is missing: name at least one; `train --help` lists them")
        if self.tokens < 1:
            raise ValueError(f"--tokens {self.tokens} must be at least 1")


def experiment_of(question: Question) -> Experiment:
    """The experiment that answers a question. Every name is checked, and the environment is made once.

    Raises:
        ValueError, TypeError: an agent, an environment, or a setting that there is not; all that is allowed is named.
        FileNotFoundError: a file that the environment is to read.
        ImportError: a library that an agent needs is not installed.
    """
    from benchmarks.policies.environments import made_environment

    named = _labelled(question.agents)
    allowed = [each.name for each in environment_arguments(question.env_id)]
    settings = parsed_settings(question.settings, ["env", "agent", "evaluation", *named])
    check_names("env", settings["env"], allowed)
    check_names("evaluation", settings["evaluation"], (each.name for each in fields(Evaluation)))
    kwargs = with_own_parts(question.env_id, settings["env"])
    env = made_environment(question.env_id, kwargs)
    game, found = text_game(env), _tuned(question, kwargs)
    tuned = {label: nearest(each, question.tokens) for label, each in found.items()}
    algorithms = tuple(
        _algorithm(label, each, question.tokens, settings, game, tuned[label]) for label, each in named.items()
    )
    has_oracle = hasattr(game.task, "greedy_sequence")
    short = question.env_id.rpartition(":")[2].rpartition("/")[2].removeprefix("TextGen-")
    experiment = Experiment(
        name=question.name or f"{short}-{'+'.join(named)}",
        description=f"{', '.join(named)} on {question.env_id}{_said(tuned)}",
        env_id=question.env_id,
        env_kwargs=kwargs,
        algorithms=algorithms,
        evaluation=_evaluation(settings["evaluation"], has_oracle),
        goal=_goal(env),
        baseline="uniform" if "uniform" in named else "",
    )
    for algorithm in algorithms:
        check_made(algorithm, experiment)
    return experiment


def _labelled(agents: Sequence[str]) -> dict[str, NamedAgent]:
    found: dict[str, NamedAgent] = {}
    for given in agents:
        label, _, name = given.rpartition("=")
        label = label or name.rpartition(":")[2].replace("/", "-")
        agent = named_agent(name)
        if not LABEL.fullmatch(label) or "." in label or label in ("env", "agent", "evaluation"):
            raise ValueError(
                f"--agent {given!r}: the label {label!r} must be of letters, digits and _ + -, and not env, agent or "
                "evaluation; give another: --agent LABEL=NAME"
            )
        if label.casefold() in (each.casefold() for each in found):
            raise ValueError(f"--agent {given!r}: {label!r} is there already; give it a label: --agent LABEL={name}")
        found[label] = agent
    return found


def said_of_settings(question: Question) -> list[str]:
    """A line for each agent of a question that has tuned settings for its environment: whether they are taken.

    Raises:
        As `experiment_of`.
    """
    settings = parsed_settings(question.settings, ["env", "agent", "evaluation", *_labelled(question.agents)])
    lines = []
    for label, found in _tuned(question, with_own_parts(question.env_id, settings["env"])).items():
        taken = nearest(found, question.tokens)
        if taken is not None:
            lines.append(f"{label}: {taken.in_words}; --untuned for its defaults")
        elif found:
            budgets = " and ".join(f"{each.found['tokens']:,}" for each in found)
            lines.append(f"{label}: its defaults; settings were tuned at {budgets} tokens, not for {question.tokens:,}")
    return lines


def _tuned(question: Question, kwargs: Mapping[str, Any]) -> dict[str, list[Tuned]]:
    """The settings that there are for each agent, by label."""
    labels = _labelled(question.agents)
    if question.tuned is None:
        return {label: [] for label in labels}
    names = (given.rpartition("=")[2] for given in question.agents)
    return {
        label: tuned_at(name, question.env_id, kwargs, question.tuned)
        for label, name in zip(labels, names, strict=True)
    }


def _said(tuned: Mapping[str, Tuned | None]) -> str:
    having = [f"{label} with {each.in_words}" for label, each in tuned.items() if each is not None]
    return f"; {'; '.join(having)}" if having else ""


def _algorithm(
    label: str, agent: NamedAgent, tokens: int, settings: Settings, game: Any, tuned: Tuned | None
) -> Algorithm:
    allowed = [*(each.name for each in agent.arguments), *OF_ALGORITHM]
    for place in ("agent", label):
        check_names(place if place == label else f"{place} (of {label})", settings[place], allowed)
    own = {**({} if tuned is None else tuned.settings), **settings["agent"], **settings[label]}
    of_run = {name: own.pop(name) for name in OF_ALGORITHM if name in own}
    if agent.kind == "sb3":
        return Algorithm(label, agent.path, tokens, **agent.of_sb3(own, game.task), **of_run)
    from benchmarks.policies.user_agents import check_own_agent

    # A class of one's own that knows no masks does without where nothing is masked.
    masked = ":" not in agent.path or game.masks_anything
    check_own_agent(agent.path, masked)
    check_config(agent.path, label, own)
    return Algorithm(label, agent.path, tokens, hyperparameters=own, masked=masked, **of_run)


def _goal(env: Any) -> str:
    """Reference that returns are counted to: the oracle's greedy sequence, the best text where the game is small enough
    to solve, or else the test data."""
    from benchmarks.evaluation.references import references

    known = references(env, None)
    return next((name for name in ("greedy", "optimum") if name in known), "data")


def _evaluation(given: Mapping[str, Any], has_oracle: bool) -> Evaluation:
    measures = ("nll_oracle", *MEASURES) if has_oracle else MEASURES
    settings = {"measures": measures, **given}
    if not isinstance(settings["measures"], list | tuple):
        raise ValueError(f'evaluation.measures={settings["measures"]!r} must be a list: ["bleu_4", "nll_test"]')
    settings["measures"] = tuple(settings["measures"])
    try:
        return Evaluation(**settings)
    except TypeError as error:
        raise ValueError(
            f"evaluation: {error}; give whole numbers for counts, and lists of names for measures"
        ) from None
