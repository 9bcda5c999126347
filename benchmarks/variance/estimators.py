"""What is compared: estimators and policies, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Estimator:
    """How a gradient is estimated: by `agents.exact.estimated_gradient` of an agent.

    Attributes:
        label: its name in table and figures.
        agent: import path of the agent's class, "module:Class".
        hyperparameters: for its `config_class`, besides those of the network. A constant baseline whose `constant` is
            not among them is the policy's expected return.
        family: estimators of one family share a colour.
        unbiased: whether it is claimed to be; what is not is measured all the same.
    """

    label: str
    agent: str = "agents.reinforce:Reinforce"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    family: str = "REINFORCE"
    unbiased: bool = True


@dataclass(frozen=True)
class FixedPolicy:
    """A policy whose gradient is estimated: REINFORCE after some tokens.

    Attributes:
        label: its name.
        tokens: that it has learned from; 0 for one freshly initialised.
        initial_std: its parameters begin as N(0, initial_std^2): large enough that not all tokens are alike.
        seed: of its parameters and its training.
    """

    label: str
    tokens: int = 0
    initial_std: float = 0.5
    seed: int = 0


def _reinforce(credit: str, baseline: str, **more: Any) -> Estimator:
    name = {"whole": "whole return", "reward_to_go": "reward-to-go"}[credit]
    settings = {"credit": credit, "baseline": baseline, "scale_advantages": False, **more}
    return Estimator(f"{name}, {baseline.replace('_', ' ')}", hyperparameters=settings, family=name)


def _seqgan(rollouts: int, baseline: str = "none") -> Estimator:
    label = f"SeqGAN, N={rollouts}" + ("" if baseline == "none" else f", {baseline.replace('_', ' ')}")
    return Estimator(label, "agents.seqgan:SeqGAN", {"rollouts": rollouts, "baseline": baseline}, "SeqGAN")


NETWORK: Mapping[str, Any] = {"embedding_size": 8, "hidden_size": 16, "cell": "gru"}
BASELINES = ("none", "constant", "batch_mean", "learned")
ESTIMATORS: tuple[Estimator, ...] = (
    *(_reinforce("whole", baseline) for baseline in BASELINES),
    *(_reinforce("reward_to_go", baseline) for baseline in BASELINES),
    # Divided by the batch's own size of advantages: of another length than the gradient, which shows that bias is seen.
    Estimator(
        "reward-to-go, batch mean, scaled",
        hyperparameters={"baseline": "batch_mean", "scale_advantages": True},
        family="reward-to-go",
        unbiased=False,
    ),
    *(_seqgan(rollouts) for rollouts in (0, 1, 4, 16)),
    _seqgan(16, "batch_mean"),
    Estimator("exact advantage", "benchmarks.variance.floor:ExactAdvantage", family="floor"),
)
POLICIES = (FixedPolicy("fresh"), FixedPolicy("partly trained", tokens=8_000))
BATCHES = (4, 16, 64)
