"""Search spaces: for each argument of an agent the range that is searched, in one table.

What is not in the table is not searched: an argument that changes the question (the discount, the temperature of a soft
objective, the data that a loss reads beside the reward), or that costs more than it can gain at small budgets.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.specs.named import PREFIX, named_agent
from benchmarks.specs.settings import no_such

if TYPE_CHECKING:
    from optuna import Trial

DIGITS = 3
"""Significant, of a number that is searched: more would say what no search can tell apart."""


class Range(Protocol):
    """Range of one argument."""

    def suggest(self, trial: Trial, name: str) -> Any:
        """A value in it, chosen by the trial's sampler."""
        ...

    def holds(self, value: object) -> bool:
        """Whether a value lies in it."""
        ...


@dataclass(frozen=True)
class Real:
    """Range of real numbers from `low` to `high`, both among them; searched by their logarithm if `log`."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Trial, name: str) -> float:
        """Rounded to `DIGITS` significant digits."""
        return min(max(_rounded(trial.suggest_float(name, self.low, self.high, log=self.log)), self.low), self.high)

    def holds(self, value: object) -> bool:
        """As `Range`."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Whole:
    """Range of whole numbers from `low` to `high`, both among them; searched by their logarithm if `log`."""

    low: int
    high: int
    log: bool = False

    def suggest(self, trial: Trial, name: str) -> int:
        """Rounded to `DIGITS` significant digits."""
        return min(max(int(_rounded(trial.suggest_int(name, self.low, self.high, log=self.log))), self.low), self.high)

    def holds(self, value: object) -> bool:
        """As `Range`."""
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """Values that one is chosen from, in no order."""

    values: tuple[str | int | float | bool, ...]

    def suggest(self, trial: Trial, name: str) -> Any:
        """One of them."""
        return trial.suggest_categorical(name, self.values)

    def holds(self, value: object) -> bool:
        """As `Range`."""
        return value in self.values


Space = Mapping[str, Range]
AGENTS: Space = {
    "learning_rate": Real(3e-4, 5e-2, log=True),
    "batch_size": Choice((64, 128, 256, 512)),
    "hidden_size": Choice((32, 64, 128)),
    "entropy_weight": Real(0.01, 3.0, log=True),
    "entropy_half_life": Whole(1_000, 200_000, log=True),
    "gae_lambda": Real(0.8, 1.0),
    "value_learning_rate": Real(1e-3, 5e-2, log=True),
    "epochs": Whole(1, 8),
    "minibatches": Choice((1, 2, 4, 8)),
    "clip": Real(0.1, 0.4),
    "max_kl": Real(0.005, 0.5, log=True),
    "group_size": Choice((4, 8, 16)),
    "exploration_end": Real(0.001, 0.2, log=True),
    "exploration_tokens": Whole(2_000, 100_000, log=True),
    "n_step": Choice((1, 2, 4, 8)),
    "double": Choice((False, True)),
    "updates_per_batch": Whole(1, 8),
    "target_period": Whole(5, 200, log=True),
    "learning_rate_half_life": Whole(5_000, 500_000, log=True),
    "step_size": Real(0.05, 1.0, log=True),
    "step_size_power": Real(0.0, 1.0),
}
"""Of the agents of agents/ that have an argument of that name."""
OWN: Mapping[str, Mapping[str, Range | None]] = {
    "mle": {"batch_size": Choice((16, 32, 64, 128, 256))},
    "scheduled_sampling": {"batch_size": Choice((16, 32, 64, 128, 256))},
    "reinforce": {"baseline": Choice(("batch_mean", "learned"))},
    "npg": {"learning_rate": Real(0.02, 1.0, log=True)},
    # A share of the longest step that max_kl allows, which is searched.
    "trpo": {"learning_rate": None},
    "soft_policy_gradient": {"entropy_weight": Real(0.1, 10.0, log=True)},
    "off_policy": {"temperature": Real(1.0, 2.0), "refresh_every": Whole(1, 16), "clip": Real(1.0, 10.0, log=True)},
    "mixer": {"xent_updates": Whole(10, 200, log=True), "anneal_updates": Whole(2, 40, log=True)},
    # They learn the values of a policy, which stays as it is.
    "mc_prediction": {"batch_size": None, "step_size": None, "step_size_power": None},
    "td_prediction": {"batch_size": None, "step_size": None, "step_size_power": None},
}
"""Where an agent's range is another than in `AGENTS`; None: not searched."""
WITH_SOURCES: Space = {"attention": Choice(("none", "dot", "general", "additive"))}
"""Besides, for conditional tasks."""
FEW = 10_000
SHORT: Space = {
    "batch_size": Choice((16, 32, 64, 128, 256)),
    "entropy_half_life": Whole(200, 20_000, log=True),
    "exploration_tokens": Whole(500, 20_000, log=True),
    "learning_rate_half_life": Whole(1_000, 100_000, log=True),
    "target_period": Whole(2, 100, log=True),
    "target_update_interval": Whole(32, 2_000, log=True),
    "xent_updates": Whole(2, 100, log=True),
}
"""Of any agent, where it is searched at fewer than `FEW` tokens: the texts of an update and what is counted in tokens
or updates are of that scale."""
SB3: Space = {
    "learning_rate": Real(1e-4, 1e-2, log=True),
    "batch_size": Choice((32, 64, 128, 256)),
    "n_epochs": Whole(1, 10),
    "gamma": Choice((0.95, 0.99, 1.0)),
    "gae_lambda": Real(0.8, 1.0),
    "clip_range": Real(0.1, 0.4),
    "ent_coef": Choice((0.0, 0.001, 0.003, 0.01, 0.03, 0.1)),
    "vf_coef": Real(0.1, 1.0),
    "normalize_advantage": Choice((False, True)),
    "train_freq": Choice((1, 4, 8, 16)),
    "gradient_steps": Choice((1, 4, 16)),
    "target_update_interval": Whole(100, 10_000, log=True),
    "exploration_fraction": Real(0.05, 0.8),
    "exploration_final_eps": Real(0.002, 0.1, log=True),
    "target_kl": Real(0.001, 0.1, log=True),
}
"""Of the algorithms of Stable-Baselines3 and sb3-contrib that have an argument of that name."""
SB3_OWN: Mapping[str, Mapping[str, Range | None]] = {
    # Their default, None, is no length of a step; and PPO's clip is searched.
    **{f"{PREFIX}{name}": {"target_kl": None} for name in ("PPO", "MaskablePPO", "RecurrentPPO")},
    f"{PREFIX}QRDQN": {
        "learning_rate": Real(3e-5, 1e-2, log=True),
        "exploration_fraction": Real(0.005, 0.8, log=True),
    },
    # A batch of its own is of critic updates alone.
    f"{PREFIX}TRPO": {"batch_size": Choice((64, 128, 256)), "learning_rate": Real(1e-4, 1e-2, log=True)},
}


def space_of(agent: str, fixed: Mapping[str, Any], with_sources: bool, tokens: int | None = None) -> dict[str, Range]:
    """The arguments of an agent that are searched, each with its range.

    Args:
        agent: as `agent_names` has it.
        fixed: arguments that a person has set, which are not searched.
        with_sources: whether the task is conditional.
        tokens: of training, where these are so few that `SHORT` applies below `FEW`; None: many.

    Raises:
        ValueError: no such agent, or nothing is left to search.
    """
    named = named_agent(agent)
    table: dict[str, Range | None] = {**(SB3 if named.kind == "sb3" else AGENTS)}
    if with_sources and named.kind == "agent":
        table |= WITH_SOURCES
    table |= (SB3_OWN if named.kind == "sb3" else OWN).get(agent, {})
    if tokens is not None and tokens < FEW:
        table |= {name: span for name, span in SHORT.items() if table.get(name) is not None}
    found = {}
    for each in named.arguments:
        span = table.get(each.name)
        if span is not None and each.name not in fixed:
            found[each.name] = span
    if not found:
        searched = ", ".join(name for name, span in table.items() if span is not None)
        raise ValueError(
            f"--agent {agent}: nothing is left to search: it has none of the arguments {searched}, but for those that "
            "--set gives"
        )
    return found


def defaults_of(agent: str, space: Mapping[str, Range]) -> dict[str, Any]:
    """The agent's own values of what is searched.

    Raises:
        ValueError: an argument that it has not.
    """
    written = {each.name: each.default for each in named_agent(agent).arguments}
    for name in space:
        if name not in written:
            raise ValueError(f"agent {agent}: {name!r} {no_such(name, written)}")
    return {name: ast.literal_eval(written[name]) for name in space}


def including(span: Range, value: Any) -> Range:
    """The range, widened where a value lies outside; one that is searched by its logarithm is no more so where the
    value has none.

    Raises:
        ValueError: a range of numbers, and the value is none.
    """
    if span.holds(value):
        return span
    if isinstance(span, Choice):
        return Choice((*span.values, value))
    assert isinstance(span, Real | Whole)
    numbers = (int, float) if isinstance(span, Real) else (int,)
    if isinstance(value, bool) or not isinstance(value, numbers):
        raise ValueError(f"{value!r} cannot be put into {span}")
    log = span.log and value > 0
    return replace(span, low=min(span.low, value), high=max(span.high, value), log=log)  # type: ignore[arg-type]


def as_json(space: Mapping[str, Range]) -> dict[str, Any]:
    """The space as plain JSON values, by which two are told apart."""
    return {name: {"range": type(span).__name__, **asdict(span)} for name, span in space.items()}  # type: ignore[call-overload]


def _rounded(value: float) -> float:
    if value == 0:
        return 0.0
    return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
