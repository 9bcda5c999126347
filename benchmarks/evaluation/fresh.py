"""Fresh evaluation of a finished run: new texts of its agent, greedy or drawn, measured as its experiment measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from agents.data.episodes import evaluate
from agents.decoding.decode import METHODS, Method, decode
from agents.protocol import FloatArray
from benchmarks.evaluation.evaluator import MAX_EVALUATION_ENVS, texts_to_test_on
from benchmarks.evaluation.references import references
from benchmarks.measures.measured import Measured
from benchmarks.measures.measures import RETURN, estimates
from benchmarks.policies.agent import AgentLikelihoods
from benchmarks.policies.environments import made_environment, make_envs
from benchmarks.policies.kept_run import KeptRun
from benchmarks.specs.named import environment_arguments, with_own_parts
from benchmarks.specs.settings import check_names, parsed_settings
from benchmarks.store.results import Reference
from textgen_env import Texts, text_game
from textgen_env.checks import check_at_least, check_choice
from textgen_env.metrics import Estimate, monte_carlo_mean
from textgen_env.registries import PATH

PLACES = ("env",)
ONE_TEXT = "the likeliest text is one where there is no source: every episode writes it, and its error is 0"
LEARNED = (
    "its reward learns as the agent writes, and what one with these settings learned was not kept; name another: "
    "--set env.reward=bleu, or the like"
)


@dataclass(frozen=True)
class Asked:
    """Question that finished agents are asked.

    Attributes:
        method: "greedy", "sample" or "beam".
        episodes: texts of each; None for as many as the experiment's final evaluation has.
        seed: of sources and of what is drawn.
        env_id: another environment; None for the run's.
        settings: "env.NAME=VALUE", of that environment; of the run's they change its own.
    """

    method: Method = "sample"
    episodes: int | None = None
    seed: int = 0
    env_id: str | None = None
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice("--decode", self.method, METHODS)
        check_at_least("--seed", self.seed, least=0)
        if self.episodes is not None:
            check_at_least("--episodes", self.episodes, least=2)


@dataclass(frozen=True)
class Evaluated:
    """Evaluation of one agent.

    Attributes:
        run: whose agent it is.
        env_id: where the texts were written.
        episodes: texts.
        estimates: by name, of the return and the experiment's measures that apply.
        reasons: name of one that does not apply -> why.
        references: returns of texts that no agent wrote.
        notes: on how it is to be read.
    """

    run: KeptRun
    env_id: str
    episodes: int
    estimates: Mapping[str, Estimate]
    reasons: Mapping[str, str]
    references: Mapping[str, Reference] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def evaluated(run: KeptRun, asked: Asked) -> Evaluated:
    """Plays a finished agent anew, on texts that neither its training nor its final evaluation drew, and measures it.

    Raises:
        ValueError: an environment or a setting that there is not, or one of other spaces; import paths without trust.
        TypeError: arguments that the environment does not take.
        FloatingPointError: measures that are not finite.
    """
    settings = run.evaluation
    place = _place(run, asked)
    env = _environment(run, place, asked)
    _check_spaces(run, env)
    game, paid = text_game(env), run.pays_as_learned(env, place)
    notes = _words_note(run, env, place)
    episodes = asked.episodes or settings.final_episodes
    texts, returns, own = _written(run, env, place, asked, episodes)
    notes += own
    held_out = texts_to_test_on(game.task, settings.test_texts, settings.kept_for_validation)
    measured = Measured(AgentLikelihoods.of(run.agent), texts, game.task, held_out, env)
    found, reasons = estimates(settings.measures, measured)
    if not paid:
        reasons[RETURN] = LEARNED
        return Evaluated(run, place[0], episodes, found, reasons, {}, notes)
    found = {RETURN: monte_carlo_mean(returns), **found}
    return Evaluated(run, place[0], episodes, found, reasons, references(env, held_out), notes)


def _place(run: KeptRun, asked: Asked) -> tuple[str, dict[str, Any]]:
    """Where the agent is to write."""
    env_id, before = run.evaluation_place
    if asked.env_id is not None:
        env_id, before = asked.env_id, {}
    given = parsed_settings(asked.settings, PLACES)["env"]
    if not given and asked.env_id is None:
        return env_id, before
    # An id of the run's own may name a module, which is imported to look it up.
    with run.by_name() if asked.env_id is None else nullcontext():
        check_names("env", given, (each.name for each in environment_arguments(env_id)))
        return env_id, with_own_parts(env_id, given, before)


def _environment(run: KeptRun, place: tuple[str, Mapping[str, Any]], asked: Asked) -> Any:
    """The environment there. What the person says is the person's word, and what the folder says is not."""
    given = parsed_settings(asked.settings, PLACES)["env"]
    if asked.env_id is None and not (_paths(given) and not _paths(_kept(run, given))):
        return run.environment(place)
    return made_environment(*place)


def _kept(run: KeptRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own arguments that those given do not replace as a whole."""
    replaced = {name for name, value in given.items() if not isinstance(value, Mapping) or "name" in value}
    return {name: value for name, value in run.evaluation_place[1].items() if name not in replaced}


def _paths(value: Any) -> list[str]:
    """Strings that may be import paths, anywhere inside."""
    if isinstance(value, str):
        return [value] if PATH.fullmatch(value) else []
    if isinstance(value, Mapping):
        return [path for pair in value.items() for each in pair for path in _paths(each)]
    return [path for each in value for path in _paths(each)] if isinstance(value, list | tuple) else []


def _check_spaces(run: KeptRun, env: Any) -> None:
    """Refuses texts of another shape than the agent was made for."""
    spec = getattr(run.agent, "spec", None)
    if spec is None:
        return
    task = text_game(env).task
    sources = (0, 0) if task.sources is None else (len(task.sources.vocabulary), task.sources.tokens.shape[1])
    found = len(task.vocabulary), task.max_length, task.vocabulary.eos_id, *sources
    made_for = spec.vocab_size, spec.max_length, spec.eos_id, spec.source_vocab_size, spec.source_length
    if found != made_for:
        raise ValueError(
            f"{run.name}: its agent writes texts of (V, T, end token, V and S of the source) {made_for}, but those of "
            f"the environment are {found}; give one of the same spaces, by --env and --set"
        )


def _words_note(run: KeptRun, env: Any, place: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Of another environment: whether a token is another word there."""
    if place == run.training_place:
        return ()
    try:
        own = text_game(run.environment(run.training_place)).task
    except (ValueError, TypeError, OSError, ImportError):
        return ("the environment of its training cannot be made: whether tokens are the same words is not known",)
    theirs = text_game(env).task
    if tuple(own.vocabulary.tokens) == tuple(theirs.vocabulary.tokens):
        return ()
    return ("the tokens of this environment are other words than those of its training",)


def _written(
    run: KeptRun, env: Any, place: tuple[str, Mapping[str, Any]], asked: Asked, episodes: int
) -> tuple[Texts, FloatArray, tuple[str, ...]]:
    """Texts, their returns, and notes."""
    game = text_game(env)
    drawn = np.random.SeedSequence([asked.seed, run.seed, *run.label.encode()])
    table = game.task.sources
    rows = None if table is None else np.random.default_rng(asked.seed).choice(table.pool, episodes)
    generator = torch.Generator().manual_seed(int(drawn.generate_state(1)[0]))
    try:
        texts = decode(
            run.agent,
            env,
            episodes,
            asked.method,
            sources=rows,
            generator=generator if asked.method == "sample" else None,
        ).texts
    except TypeError as error:
        # An agent that does not say how likely its next tokens are.
        if asked.method == "beam":
            raise ValueError(f"{run.name}: --decode beam: {error}") from None
        envs = make_envs(place[0], min(MAX_EVALUATION_ENVS, episodes), place[1], "cpu")
        seed = int(drawn.generate_state(2)[1])
        masked = bool(run.config["algorithm"].get("masked"))
        played = evaluate(run.agent.predict, envs, episodes, asked.method == "greedy", seed, masked)
        return played.texts, played.returns, (f"{run.label} draws by its own generator, as it was kept",)
    returns = np.asarray(game.score(*texts), np.float64)
    return texts, returns, (ONE_TEXT,) if table is None and asked.method != "sample" else ()


def means_over_runs(found: Sequence[Evaluated]) -> dict[tuple[str, str], dict[str, Estimate]]:
    """Of each experiment's label with several runs: the mean of each measure over them, with its standard error over
    runs."""
    by_label: dict[tuple[str, str], list[Evaluated]] = {}
    for each in found:
        by_label.setdefault((each.run.experiment, each.run.label), []).append(each)
    return {
        label: {
            name: monte_carlo_mean([each.estimates[name].value for each in runs])
            for name in runs[0].estimates
            if all(name in each.estimates for each in runs)
        }
        for label, runs in by_label.items()
        if len(runs) > 1
    }
