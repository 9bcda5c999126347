"""`check_agent` accepts what follows the Protocol and says what does not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.baselines.uniform import Uniform
from agents.baselines.unigram import Unigram
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.base import PolicyGradientConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.protocol import Agent, Progress
from agents.testing import check_agent, protocol_problems
from support.cross_entropy_agent import Positions
from support.ranked_reinforce import Ranked
from textgen_env import Texts

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 8, "batch_size": 16}


@pytest.mark.parametrize(
    ("agent_class", "config"),
    [
        (Positions, None),
        (Ranked, PolicyGradientConfig(**SMALL)),
        (Uniform, None),
        (Unigram, None),
        (MLE, MLEConfig(**SMALL)),
        (Reinforce, ReinforceConfig(**SMALL, baseline="learned")),
    ],
)
def test_agents_that_follow_the_protocol(agent_class: Any, config: Any) -> None:
    check_agent(agent_class, config, masked=True)
    assert protocol_problems(agent_class, masked=True) == []


class Bare(Agent):
    """Takes the Protocol's own methods for methods."""

    def __init__(self, envs: Any, config: Any = None, seed: int = 0) -> None: ...


class Abstract(Positions, ABC):
    @abstractmethod
    def train(self, *args: Any) -> Any: ...


class Wrong(Positions):
    """Wrong in everything at once."""

    def __init__(self, envs: Any) -> None: ...

    def train(self, envs: Any, callback: Any) -> Any: ...

    def predict(self, observation: Any, state: Any) -> Any: ...

    async def sample(self, n: int, sources: Any = None) -> Any: ...

    @property
    def log_prob(self) -> Any: ...

    save = 3  # type: ignore[assignment]

    def load(self, path: Any) -> Any: ...  # type: ignore[override]


class NoMasks(Positions):
    def predict(  # type: ignore[override]
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        return super().predict(observation, state, episode_start, deterministic)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    problems = protocol_problems(Wrong)
    assert [problem.partition(":")[0] for problem in problems] == [
        "its constructor cannot be called as Wrong(envs, config=None, seed=0)",
        "train cannot be called as train(envs, total_tokens, callback)",
        "predict cannot be called as predict(observation)",
        "sample is a coroutine or a generator; it must return its answer",
        "log_prob is a property, not a method",
        "save is a int, not a method",
        "load is called on the class, load(path)",
    ]
    assert "unexpected keyword argument 'config'" in problems[0]
    with pytest.raises(AssertionError, match=r"its constructor cannot.*; train cannot.*; load is called on the class"):
        check_agent(Wrong)


@pytest.mark.parametrize(
    ("agent_class", "said"),
    [
        (3, "it is a int, not a class"),
        (check_agent, "it is a function, not a class"),
        (Agent, "it is a Protocol, which says what an agent is"),
        (Abstract, "it is abstract: nothing defines train"),
        (MLEConfig, "it lacks train, predict, sample, log_prob, save, load"),
    ],
)
def test_what_is_no_agent(agent_class: Any, said: str) -> None:
    assert any(said in problem for problem in protocol_problems(agent_class))


def test_the_protocols_own_methods_are_none() -> None:
    problems = protocol_problems(Bare)
    names = ("train", "predict", "sample", "log_prob", "save", "load")
    assert problems == [f"{name} is only the Protocol's own, which does nothing; define it" for name in names]


def test_masks_are_asked_for_where_there_are_some() -> None:
    assert protocol_problems(NoMasks) == []
    check_agent(NoMasks)
    (problem,) = protocol_problems(NoMasks, masked=True)
    assert problem.startswith("predict cannot be called as predict(observation, state, episode_start, deterministic, ")
    assert "unexpected keyword argument 'action_masks'" in problem


def changed(**methods: Any) -> type[Positions]:
    """The agent with other methods."""
    return type("Changed", (Positions,), methods)


def raising(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("gone wrong")


def greedy(self: Any, observation: Any, *args: Any, **kwargs: Any) -> Any:
    return Positions.predict(self, observation, deterministic=True, **kwargs)


def with_suffix(self: Any, path: Any) -> None:
    Positions.save(self, Path(f"{path}.npz"))


def says(tokens: Any) -> Any:
    return lambda self, n, sources=None: Texts(np.tile(tokens, (n, 1)), np.full(n, 2))


def drawn_anew(self: Any, envs: Any, total_tokens: int, callback: Any = None) -> Any:
    Positions.train(self, envs, total_tokens, callback)
    # From the system's entropy: the best texts alone would soon be the same with any seed.
    self.table = np.random.default_rng().dirichlet(np.ones(self.table.shape[1]), len(self.table))
    return self


def never_tells(self: Any, envs: Any, total_tokens: int, callback: Any = None) -> Any:
    return Positions.train(self, envs, total_tokens)


def never_stops(self: Any, envs: Any, total_tokens: int, callback: Any = None) -> Any:
    return Positions.train(self, envs, total_tokens, lambda progress: callback(progress) or True)


def tells_words(self: Any, envs: Any, total_tokens: int, callback: Any = None) -> Any:
    return Positions.train(self, envs, total_tokens, lambda progress: callback("done"))


def counts_down(self: Any, envs: Any, total_tokens: int, callback: Any = None) -> Any:
    return Positions.train(
        self, envs, total_tokens, lambda progress: callback(Progress(-progress.tokens_generated, 0, 0.0, {}))
    )


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ({"__init__": raising}, "the constructor raises RuntimeError: gone wrong"),
        ({"predict": raising}, "predict raises RuntimeError: gone wrong"),
        ({"predict": lambda self, *a, **k: np.zeros(32, int)}, r"must return \(tokens, state\), got ndarray"),
        ({"predict": lambda self, *a, **k: (1, 2, 3)}, r"must return \(tokens, state\), got 3 things"),
        ({"predict": lambda self, o, *a, **k: (np.zeros((len(o), 1), int), None)}, r"tokens have shape \(32, 1\)"),
        ({"predict": lambda self, o, *a, **k: (np.zeros(len(o)), None)}, "tokens have type float64"),
        ({"predict": lambda self, o, *a, **k: (np.full(len(o), 3), None)}, r"a token that is not in 0 .. V - 1"),
        (
            {"predict": lambda self, *a, **k: Positions.predict(self, a[0])},
            "with deterministic=True it chooses now one token, now another",
        ),
        (
            {"predict": lambda self, *a, **k: Positions.predict(self, *a)},
            "it chooses tokens that action_masks forbids",
        ),
        ({"predict": greedy}, r"predict: the shares of first tokens \[1.0, 0.0, 0.0\] are not the probabilities"),
        ({"sample": raising}, "sample raises RuntimeError: gone wrong"),
        ({"sample": says([1, 2])}, r"sample: tokens have shape \(2000, 2\)"),
        ({"sample": says([1, 2, 2])}, "a text must end with its first end token or at the horizon"),
        ({"sample": says([1, 0, 2])}, "what follows a text's end must be the blank"),
        ({"sample": says([1, 0, 3])}, r"sample: the shares of first tokens \[0.0, 1.0, 0.0\]"),
        ({"log_prob": lambda self, t, *a: np.zeros((len(t), 1))}, r"log_prob has shape \(15, 1\)"),
        ({"log_prob": lambda self, t, *a: np.full(len(t), np.nan)}, "log_prob is NaN"),
        ({"log_prob": lambda self, t, *a: np.ones(len(t))}, "log_prob is above 0"),
        ({"log_prob": lambda self, t, *a: np.zeros(len(t))}, "all 15 texts add up to 15, not 1"),
        ({"train": raising}, "train raises RuntimeError: gone wrong"),
        ({"train": never_tells}, "it never called the callback"),
        ({"train": never_stops}, "it goes on after the callback has returned False"),
        ({"train": tells_words}, "the callback is told 'done'"),
        ({"train": counts_down}, r"the tokens that the callback is told fall: \[-"),
        ({"train": drawn_anew}, "two agents of the same seed differ"),
        ({"save": lambda self, path: None}, r"save\(path\) must write the file `path` itself"),
        ({"save": with_suffix}, r"save\(path\) must write the file `path` itself"),
        ({"load": staticmethod(raising)}, "load raises RuntimeError: gone wrong"),
        ({"load": staticmethod(lambda path: 3)}, "load must return a Changed, got int"),
        ({"load": staticmethod(Positions.load)}, "load must return a Changed, got Positions"),
    ],
)
def test_what_an_agent_does_wrong_is_said(methods: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_agent(changed(**methods), masked=True)


class Forgetful(Reinforce):
    """What is loaded is changed by `spoilt`."""

    spoilt: Any = None

    def __init__(self, envs: Any, config: Any = None, seed: int = 0) -> None:
        super().__init__(envs, ReinforceConfig(**SMALL, entropy_weight=0.0), seed)

    @classmethod
    def load(cls, path: Any, device: str = "cpu") -> Any:
        agent = super().load(path, device)
        cls.spoilt(agent)
        return agent


def test_what_a_file_does_not_hold_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    spoilings: dict[str, Any] = {
        "load: the agent has another policy": lambda agent: agent.network.decoder.output.bias.data.add_(
            torch.arange(3.0)
        ),
        r"load: the agent counts \d+ tokens where the one saved counts": lambda agent: setattr(
            agent, "tokens_generated", 0
        ),
        "load: the agent learns on otherwise than the one saved": lambda agent: agent.generator.manual_seed(99),
    }
    for said, spoilt in spoilings.items():
        monkeypatch.setattr(Forgetful, "spoilt", staticmethod(spoilt))
        with pytest.raises(AssertionError, match=said):
            check_agent(Forgetful)
