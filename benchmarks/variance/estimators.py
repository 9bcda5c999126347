"""Estimators and policies that are compared, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Estimator:
    """Estimator of a gradient: by `agents.exact.estimated_gradient` of an agent.

    Attributes:
        label: its name in table and figures.
        agent: registered name of the agent, or import path "module:Class".
        hyperparameters: for its `config_class`, besides those of the network. A constant baseline whose `constant` is
            not among them is the policy's expected return.
        family: estimators of one family share a colour.
        unbiased: whether it is claimed to be; what is not is measured all the same.
        temperature: of the entropy that is earned besides the return; its gradient is then another.
        env_kwargs: of its environment, besides those of the game.
    """

    label: str
    agent: str = "reinforce"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    family: str = "REINFORCE"
    unbiased: bool = True
    temperature: float = 0.0
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FixedPolicy:
    """Policy whose gradient is estimated: REINFORCE after some tokens.

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


UNSCALED: Mapping[str, Any] = {"scale_advantages": False}


def _reinforce(credit: str, baseline: str, **more: Any) -> Estimator:
    name = {"whole": "whole return", "reward_to_go": "reward-to-go"}[credit]
    settings = {"credit": credit, "baseline": baseline, **UNSCALED, **more}
    return Estimator(f"{name}, {baseline.replace('_', ' ')}", hyperparameters=settings, family=name)


def _seqgan(rollouts: int, baseline: str = "none") -> Estimator:
    label = f"SeqGAN, N={rollouts}" + ("" if baseline == "none" else f", {baseline.replace('_', ' ')}")
    return Estimator(label, "seqgan", {"rollouts": rollouts, "baseline": baseline}, "SeqGAN")


def _off_policy(label: str, weighting: str, correction: str, unbiased: bool = True, **more: Any) -> Estimator:
    settings = {"weighting": weighting, "correction": correction, **UNSCALED, **more}
    return Estimator(f"off-policy, {label}", "off_policy", settings, "off-policy", unbiased)


def _gumbel(label: str, temperature: float, straight_through: bool) -> Estimator:
    settings = {"temperature": temperature, "straight_through": straight_through, "half_life": None}
    return Estimator(
        f"{label}, tau={temperature:g}",
        "gumbel_softmax",
        {**settings, "least_temperature": temperature},
        "Gumbel-softmax",
        unbiased=False,
        env_kwargs={"reward": "benchmarks.variance.soft_table:SoftTable"},
    )


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
    # A critic may say what it will at lambda = 1; below it, its error is the gradient's.
    Estimator("A2C, lambda=1", "a2c", {"gae_lambda": 1.0, **UNSCALED}, "actor-critic"),
    Estimator("A2C, lambda=0.95", "a2c", UNSCALED, "actor-critic", unbiased=False),
    Estimator(
        "A2C, lambda=0",
        "a2c",
        {"gae_lambda": 0.0, **UNSCALED},
        "actor-critic",
        False,
    ),
    # At its first step on a batch, where all ratios are 1.
    Estimator("PPO, lambda=1", "ppo", {"gae_lambda": 1.0, **UNSCALED}, "actor-critic"),
    # The g of F^-1 g, which TRPO has, too.
    Estimator(
        "NPG's g, lambda=1",
        "npg",
        {"gae_lambda": 1.0, **UNSCALED},
        "actor-critic",
    ),
    Estimator("RLOO, k=4", "rloo", {"group_size": 4, **UNSCALED}, "groups"),
    # The group's own mean takes 1/k off the length; the division by the standard deviation does more.
    Estimator(
        "Dr. GRPO, k=4",
        "grpo",
        {"group_size": 4, "divide_by_std": False},
        "groups",
        unbiased=False,
    ),
    Estimator("GRPO, k=4", "grpo", {"group_size": 4}, "groups", unbiased=False),
    Estimator("SCST", "self_critical", UNSCALED, "groups"),
    Estimator("MIXER, at s=0", "mixer", UNSCALED, "actor-critic"),
    # The soft return's gradient, which is another, at the temperature 1.
    *(
        Estimator(
            f"soft, {credit.replace('_', '-')}",
            "soft_policy_gradient",
            {"credit": credit, "entropy_weight": 0.0},
            "soft",
            temperature=1.0,
        )
        for credit in ("whole", "reward_to_go")
    ),
    _off_policy("per token", "decision", "ordinary"),
    _off_policy("per text", "trajectory", "ordinary"),
    _off_policy("clipped at 1.5", "decision", "clipped", unbiased=False, clip=1.5),
    _off_policy("self-normalised", "decision", "self_normalised", unbiased=False),
    _gumbel("Gumbel-softmax", 1.0, straight_through=False),
    _gumbel("Gumbel-softmax", 0.2, straight_through=False),
    _gumbel("straight-through", 1.0, straight_through=True),
    Estimator("exact advantage", "benchmarks.variance.floor:ExactAdvantage", family="floor"),
)
POLICIES = (FixedPolicy("fresh"), FixedPolicy("partly trained", tokens=8_000))
BATCHES = (4, 16, 64)
