"""Measurement of gradient estimators: drawn estimates, and their statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from scipy import stats

import textgen_env  # noqa: F401  registers the ids
from agents import AGENTS
from agents.exact import estimated_gradient, exact_gradient, policy_table
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.protocol import Envs, FloatArray
from benchmarks.variance.estimators import NETWORK, Estimator, FixedPolicy
from textgen_env.solve import TextMDP, backward_induction, entropy, expected_return

DIRECTIONS = 16
# The probability that a run calls any of its unbiased estimators biased.
FALSE_ALARM = 0.01
# Estimates below which no line is called biased: rare texts that earn most make the mean of fewer so far from normal
# that the t-test raises more false alarms than it says.
TESTED_REPLICATES = 100
# Of a gradient's length: what lies nearer is the same but for rounding.
ROUNDING = 1e-12
# Updates of a learned baseline to the fixed policy before its gradient is estimated, and the texts of each.
FIT_UPDATES, FIT_TEXTS, FIT_RATE = 300, 64, 0.02


@dataclass(frozen=True)
class Value:
    """Number and its standard error over replicates."""

    value: float
    error: float


@dataclass(frozen=True)
class Statistics:
    """Statistics of R estimates of one gradient g.

    Attributes:
        bias: (E[g^] - g) . g / |g|^2: by how much of the gradient's length the mean lies off along it.
        z: of that, over its standard error; over 1e-12 where that is less.
        z_random: the greatest |z| of the mean error along random directions.
        p: that unbiased estimates lie as far off in any of those directions, Bonferroni's bound.
        variance: E|g^ - E g^|^2 / |g|^2, the trace of the covariance in units of the gradient's own square.
        cosine: E[cos(g^, g)].
    """

    bias: Value
    z: float
    z_random: float
    p: float
    variance: Value
    cosine: Value


@dataclass(frozen=True)
class EstimatorRow:
    """Row of the table: an estimator at a policy, with so many texts a batch; `tokens` (mean) are those written and
    rolled out for it."""

    estimator: Estimator
    policy: str
    texts: int
    replicates: int
    tokens: float
    found: Statistics


@dataclass(frozen=True)
class PolicyFound:
    """Policy as it was found: its expected return and the game's optimum (reward's unit), the length of its gradient,
    and its entropy (nats a text)."""

    label: str
    expected_return: float
    optimum: float
    gradient: float
    entropy: float


@dataclass(frozen=True)
class Found:
    """Findings: all that was measured, in the order in which it was asked for."""

    game: str
    policies: tuple[PolicyFound, ...]
    rows: tuple[EstimatorRow, ...]

    def biased(self, row: EstimatorRow) -> bool | None:
        """Whether the mean lies off: at 1% for all rows together (Bonferroni). None: too few replicates to tell."""
        if row.replicates < TESTED_REPLICATES:
            return None
        return row.found.p * len(self.rows) < FALSE_ALARM


def statistics(samples: FloatArray, exact: FloatArray, directions: FloatArray) -> Statistics:
    """Statistics of estimates (R, D), R >= 2, of a gradient (D,); `directions` (K, D) are of length 1.

    Raises:
        ValueError: fewer than two estimates, or a gradient of length 0.
    """
    count, length = len(samples), float(np.linalg.norm(exact))
    if count < 2 or not length:
        raise ValueError(f"{count} estimates of a gradient of length {length:g}: needs two or more, of one above 0")
    along = (samples - exact) @ np.concatenate([exact[None] / length, directions]).T  # (R, 1 + K)
    errors = along.std(0, ddof=1) / np.sqrt(count)
    # An estimate without any variance is off where it is off at all, but for rounding; its z is counted in roundings,
    # as JSON has no infinity.
    rounding = ROUNDING * length
    off, certain = along.mean(0), errors <= rounding
    z = np.where(certain & (np.abs(off) <= rounding), 0.0, off / np.maximum(errors, rounding))
    p_each = np.where(certain, z == 0, 2 * stats.t.sf(np.abs(z), count - 1))
    p = float(np.minimum(p_each.min() * len(z), 1.0))
    squares = np.square(samples - samples.mean(0)).sum(1) * count / (count - 1) / length**2
    norms = np.linalg.norm(samples, axis=1)
    # An estimate of 0, where all that was written earned alike, points nowhere.
    cosines = np.divide(samples @ exact, norms * length, out=np.zeros(count), where=norms > 0)
    return Statistics(
        bias=Value(float(along[:, 0].mean()) / length, float(errors[0]) / length),
        z=float(z[0]),
        z_random=float(np.abs(z[1:]).max(initial=0.0)),
        p=p,
        variance=_mean(squares),
        cosine=_mean(cosines),
    )


def measure(
    estimators: Sequence[Estimator],
    policies: Sequence[FixedPolicy],
    batches: Sequence[int],
    replicates: int,
    env_id: str = "TextGen-Tiny-v0",
    env_kwargs: Mapping[str, Any] | None = None,
    seed: int = 0,
    tell: Callable[[str], None] = lambda words: None,
) -> Found:
    """Estimates the gradient of each policy by each estimator with each number of texts, `replicates` times.

    Args:
        estimators, policies: as data.
        batches: texts of an estimate.
        replicates: estimates, >= 2.
        env_id, env_kwargs: of a game small enough to enumerate.
        seed: of what is drawn.
        tell: hears of each estimator that begins.

    Raises:
        ValueError: a game too large; an estimator whose network is another.
        TypeError: an agent that no gradient can be asked of.
    """
    kwargs = dict(env_kwargs or {})
    envs = gymnasium.make_vec(env_id, num_envs=FIT_TEXTS, **kwargs)
    mdp = TextMDP.of(envs)
    described, rows = [], []
    for policy in policies:
        network = _network_of(policy, envs)
        table = policy_table(network, mdp)
        earned, length = expected_return(mdp, table), float(np.linalg.norm(_flat(exact_gradient(network, mdp))))
        best = float(mdp.start @ backward_induction(mdp).V)
        described.append(PolicyFound(policy.label, earned, best, length, entropy(mdp, table)))
        for estimator in estimators:
            tell(f"{policy.label}: {estimator.label}")
            agent = _agent_of(estimator, envs, network, earned, seed)
            exact = _flat(exact_gradient(agent, mdp, estimator.temperature))
            directions = np.random.default_rng(seed).normal(size=(DIRECTIONS, len(exact)))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            for texts in batches:
                rows_of_texts = gymnasium.make_vec(env_id, num_envs=texts, **{**kwargs, **estimator.env_kwargs})
                drawn = [estimated_gradient(agent, rows_of_texts, texts) for _ in range(replicates)]
                samples = np.stack([_flat(each.gradient) for each in drawn])
                tokens = float(np.mean([each.tokens for each in drawn]))
                found = statistics(samples, exact, directions)
                rows.append(EstimatorRow(estimator, policy.label, texts, replicates, tokens, found))
    return Found(mdp.game, tuple(described), tuple(rows))


def _network_of(policy: FixedPolicy, envs: Envs) -> Any:
    agent = Reinforce(envs, ReinforceConfig(**NETWORK, entropy_weight=0.0), seed=policy.seed)
    agent.network.decoder.initialise(agent.generator, policy.initial_std)
    if policy.tokens:
        agent.train(envs, policy.tokens)
    return agent.network


def _agent_of(estimator: Estimator, envs: Envs, network: Any, earned: float, seed: int) -> Any:
    """An agent with the policy of the network; what it has learned besides is fitted to it."""
    agent_class = AGENTS.load(estimator.agent)
    settings = {**NETWORK, **estimator.hyperparameters}
    if settings.get("baseline") == "constant":
        settings.setdefault("constant", earned)
    agent = agent_class(envs, config=agent_class.config_class(**settings), seed=seed)
    policy = network.state_dict()
    lacking, unknown = agent.network.load_state_dict(policy, strict=False)
    if unknown:
        raise ValueError(f"estimator {estimator.label}: its network has no {', '.join(unknown)}")
    own = [weight for name, weight in agent.network.named_parameters() if name in lacking]
    if own:
        _fit(agent, envs, own)
    return agent


def _fit(agent: Any, envs: Envs, parameters: list[Any]) -> None:
    """Makes the parameters that are not the policy's learn by the loss's term `value`."""
    optimiser = torch.optim.Adam(parameters, lr=FIT_RATE)
    quota = np.full(envs.num_envs, -(-FIT_TEXTS // envs.num_envs))
    for _ in range(FIT_UPDATES):
        loss = agent.losses(agent.gather(envs, quota))["value"]
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimiser.step()


def _flat(gradient: list[torch.Tensor]) -> FloatArray:
    return np.concatenate([part.detach().double().cpu().numpy().ravel() for part in gradient])


def _mean(values: FloatArray) -> Value:
    return Value(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))
