"""Checks to run on an agent of your own: that it follows the Protocol of `agents.protocol.Agent`.

from agents.testing import check_agent

check_agent(MyAgent)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import textgen_env  # noqa: F401  registers the ids
from agents.data.episodes import evaluate
from agents.exact import table_of_log_probs
from agents.protocol import Agent, Envs, FloatArray, IntArray, Progress
from textgen_env.checks import hold
from textgen_env.solve import TextMDP, all_texts

# How each method is called, in its shortest and its longest form.
CALLS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "train": (("envs", "total_tokens"), ("envs", "total_tokens", "callback")),
        "predict": (("observation",), ("observation", "state", "episode_start", "deterministic")),
        "sample": (("n",), ("n", "sources")),
        "log_prob": (("tokens", "lengths"), ("tokens", "lengths", "sources")),
        "save": (("path",),),
        "load": (("path",),),
    }
)
ROWS = 32
TOKENS = 200
DRAWS = 2_000
# A share of DRAWS draws lies further off than this less than once in a million.
STANDARD_ERRORS = 5


def protocol_problems(agent_class: Any, masked: bool = False) -> list[str]:
    """In what a class breaks the Protocol, one line each, without an agent being made.

    Args:
        agent_class: what should be a class of agents.
        masked: whether `predict` must take `action_masks`.
    """
    if not inspect.isclass(agent_class):
        return [f"it is a {type(agent_class).__name__}, not a class"]
    if getattr(agent_class, "_is_protocol", False):
        return ["it is a Protocol, which says what an agent is; name a class that is one"]
    problems = []
    abstract = sorted(getattr(agent_class, "__abstractmethods__", ()))
    if abstract:
        problems.append(f"it is abstract: nothing defines {', '.join(abstract)}")
    problems += _constructor_problems(agent_class)
    lacking = [name for name in CALLS if inspect.getattr_static(agent_class, name, None) is None]
    if lacking:
        problems.append(f"it lacks {', '.join(lacking)}")
    for name in (name for name in CALLS if name not in (*lacking, *abstract)):
        problems += _method_problems(agent_class, name, masked)
    return problems


def check_agent(agent_class: Any, config: Any = None, masked: bool = False) -> None:
    """The class follows the Protocol, and its agents do on texts few enough to enumerate: tokens, probabilities that
    add up to 1 and are those of what is drawn, training that is repeated by its seed and told to the callback, and a
    file that holds all of it.

    Args:
        agent_class: called as `agent_class(envs, config=config, seed=0)`.
        config: its hyperparameters.
        masked: whether `predict` must take `action_masks`, and keep to them.

    Raises:
        AssertionError: naming what does not hold.
    """
    problems = protocol_problems(agent_class, masked)
    hold(not problems, "; ".join(problems))
    with _said("the constructor"):
        agent = agent_class(_envs(), config=config, seed=0)
    _check_predict(agent, masked)
    _check_likelihood(agent)
    _check_training(agent_class, config)
    _check_saving(agent)


def _constructor_problems(agent_class: Any) -> list[str]:
    try:
        signature = inspect.signature(agent_class)
        signature.bind(None, config=None, seed=0)
    except TypeError as error:
        return [f"its constructor cannot be called as {agent_class.__name__}(envs, config=None, seed=0): {error}"]
    except ValueError:
        # Written in C: nothing is known of its arguments.
        return []
    return []


def _method_problems(agent_class: Any, name: str, masked: bool) -> list[str]:
    found = inspect.getattr_static(agent_class, name)
    if found is inspect.getattr_static(Agent, name):
        return [f"{name} is only the Protocol's own, which does nothing; define it"]
    method = getattr(agent_class, name)
    if isinstance(found, property) or not callable(method):
        return [f"{name} is a {type(found).__name__}, not a method"]
    if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
        return [f"{name} is a coroutine or a generator; it must return its answer"]
    bound = isinstance(found, classmethod | staticmethod)
    if name == "load" and not bound:
        return ["load is called on the class, load(path): make it a classmethod"]
    forms: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(names, ()) for names in CALLS[name]]
    if name == "predict" and masked:
        forms.append((CALLS[name][-1], ("action_masks",)))
    try:
        signature = inspect.signature(method)
    except ValueError:
        return []
    for positional, keywords in forms:
        try:
            signature.bind(*([None] * (len(positional) + (not bound))), **dict.fromkeys(keywords))
        except TypeError as error:
            call = ", ".join((*positional, *(f"{keyword}=..." for keyword in keywords)))
            return [f"{name} cannot be called as {name}({call}): {error}"]
    return []


def _envs() -> Envs:
    return gymnasium.make_vec("TextGen-Tiny-v0", num_envs=ROWS, vocab_size=3, max_length=3)


def _check_predict(agent: Any, masked: bool) -> None:
    envs = _envs()
    observation, _ = envs.reset(seed=0)
    started = np.ones(ROWS, np.bool_)
    for deterministic in (False, True):
        with _said("predict"):
            answer = agent.predict(observation, None, started, deterministic)
        hold(isinstance(answer, tuple), f"predict must return (tokens, state), got {type(answer).__name__}")
        hold(len(answer) == 2, f"predict must return (tokens, state), got {len(answer)} things")
        _check_tokens(answer[0])
    with _said("predict"):
        again, _ = agent.predict(observation, None, started, True)
    hold(np.array_equal(again, answer[0]), "predict: with deterministic=True it chooses now one token, now another")
    with _said("predict, playing whole texts"):
        evaluate(agent.predict, envs, ROWS, seed=0)
    if masked:
        masks = np.arange(3) == np.arange(ROWS)[:, None] % 3
        with _said("predict with action_masks"):
            chosen, _ = agent.predict(observation, None, started, False, action_masks=masks)
        _check_tokens(chosen)
        hold(masks[np.arange(ROWS), chosen].all(), "predict: it chooses tokens that action_masks forbids")


def _check_tokens(tokens: Any) -> None:
    shape, kind = np.shape(tokens), np.asarray(tokens).dtype
    hold(shape == (ROWS,), f"predict: tokens have shape {shape}, expected {(ROWS,)}: one for each observation")
    hold(kind.kind in "iu", f"predict: tokens have type {kind}, expected whole numbers")
    hold(((np.asarray(tokens) >= 0) & (np.asarray(tokens) < 3)).all(), "predict: a token that is not in 0 .. V - 1")


def _check_likelihood(agent: Any) -> None:
    mdp = TextMDP.of(_envs())
    chances = _chances(agent, mdp)
    prefixes = np.full((DRAWS, 3), 3)
    with _said("predict"):
        chosen, _ = agent.predict(prefixes, None, np.ones(DRAWS, np.bool_), False)
    _check_shares("predict", np.asarray(chosen), chances[0])
    with _said("sample"):
        texts = agent.sample(DRAWS)
        tokens, lengths = np.asarray(texts.tokens), np.asarray(texts.lengths)
    hold(tokens.shape == (DRAWS, 3), f"sample: tokens have shape {tokens.shape}, expected {(DRAWS, 3)}")
    hold(lengths.shape == (DRAWS,), f"sample: lengths have shape {lengths.shape}, expected {(DRAWS,)}")
    ends = (tokens == 0).argmax(1) + 1
    expected = np.where((tokens == 0).any(1), ends, 3)
    hold(np.array_equal(lengths, expected), "sample: a text must end with its first end token or at the horizon")
    blank = tokens[np.arange(3) >= lengths[:, None]] == 3
    hold(blank.all(), "sample: what follows a text's end must be the blank, V")
    _check_shares("sample", tokens[:, 0], chances[0])


def _chances(agent: Any, mdp: TextMDP) -> FloatArray:
    texts = all_texts(mdp)
    log_probs = _log_probs(agent, mdp)
    expected = (len(texts.tokens),)
    hold(log_probs.shape == expected, f"log_prob has shape {log_probs.shape}, expected {expected}: one for each text")
    hold(not np.isnan(log_probs).any(), "log_prob is NaN for some text")
    hold((log_probs <= 1e-6).all(), "log_prob is above 0 for some text; it is a probability's logarithm, in nats")
    with _said("log_prob"):
        return table_of_log_probs(agent.log_prob, mdp)


def _log_probs(agent: Any, mdp: TextMDP) -> NDArray[Any]:
    texts = all_texts(mdp)
    with _said("log_prob"):
        return np.asarray(agent.log_prob(texts.tokens, texts.lengths))


def _check_shares(name: str, tokens: IntArray, chances: FloatArray) -> None:
    shares = np.bincount(tokens, minlength=3) / len(tokens)
    bounds = STANDARD_ERRORS * np.sqrt(chances * (1 - chances) / len(tokens)) + 1e-3
    hold(
        (np.abs(shares - chances) <= bounds).all(),
        f"{name}: the shares of first tokens {shares.round(3).tolist()} are not the probabilities that log_prob says, "
        f"{chances.round(3).tolist()}",
    )


def _check_training(agent_class: Any, config: Any) -> None:
    agents = [agent_class(_envs(), config=config, seed=0) for _ in range(3)]
    told: list[list[Any]] = [[], [], []]
    for number, agent in enumerate(agents):
        with _said("train"):
            # The third is asked to stop after its first update.
            agent.train(_envs(), 4 * TOKENS, _listener(told[number], goes_on=number < 2))
    for progress in told[0]:
        hold(isinstance(progress, Progress), f"train: the callback is told {progress!r}, expected an agents.Progress")
    hold(told[0], "train: it never called the callback")
    counts = _counts(told[0])
    hold(counts == sorted(counts), f"train: the tokens that the callback is told fall: {counts}")
    hold(len(told[2]) == 1, "train: it goes on after the callback has returned False")
    mdp = TextMDP.of(_envs())
    first, second = (_log_probs(agent, mdp) for agent in agents[:2])
    hold(np.array_equal(first, second), "train: two agents of the same seed differ; draw from generators seeded by it")


def _check_saving(agent: Any) -> None:
    mdp = TextMDP.of(_envs())
    with _said("train"):
        agent.train(_envs(), TOKENS)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "agent.draft"
        with _said("save"):
            agent.save(path)
        hold(path.is_file(), "save(path) must write the file `path` itself (numpy.savez adds a suffix of its own)")
        with _said("load"):
            loaded = type(agent).load(path)
    hold(isinstance(loaded, type(agent)), f"load must return a {type(agent).__name__}, got {type(loaded).__name__}")
    same = np.allclose(_log_probs(loaded, mdp), _log_probs(agent, mdp), rtol=1e-6, atol=1e-6)
    hold(same, "load: the agent has another policy than the one that was saved")
    ends: list[NDArray[Any]] = []
    counted: list[int] = []
    for learner in (agent, loaded):
        after: list[Any] = []
        with _said("train, after load" if learner is loaded else "train"):
            learner.train(_envs(), TOKENS, _listener(after))
        ends.append(_log_probs(learner, mdp))
        counted.append(_counts(after)[0])
    same = np.allclose(ends[0], ends[1], rtol=1e-6, atol=1e-6)
    hold(same, "load: the agent learns on otherwise than the one saved; save optimisers and generators too")
    own, other = counted
    hold(own == other, f"load: the agent counts {other} tokens where the one saved counts {own}")


def _counts(told: list[Any]) -> list[int]:
    return [progress.tokens_generated + progress.tokens_read for progress in told]


def _listener(told: list[Any], goes_on: bool = True) -> Callable[[Any], bool]:
    def callback(progress: Any) -> bool:
        told.append(progress)
        return goes_on

    return callback


@contextmanager
def _said(what: str) -> Iterator[None]:
    """An error within it is one of `what`."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}: {error}") from error
