"""Experiments as data: algorithms, how they are evaluated, and the runs that follow."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from agents import AGENTS
from benchmarks.measures.measures import MEASURES, VALIDATIONS
from benchmarks.specs.file_digests import FILES, by_content, digests, with_absolute_paths

Kind = Literal["agent", "sb3"]
CurveOf = Literal["return", "nll_oracle"]
InitAt = Literal["end", "best"]
IMPORTED = "imported"
"""In place of a kind, in the settings of a run that another tool did; under the same name they say from which file."""
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class Evaluation:
    """Settings of evaluation: how agents are measured, the same for every algorithm.

    Attributes:
        points: how often the learning curve is measured during training, evenly spaced over the budget.
        episodes: played for each of those points.
        final_episodes: fresh ones, played once after training, that the table is made of.
        test_texts: of the task's test data, the first so many, whose likelihood under the agent is taken.
        sample_texts: shown on the page.
        measures: names in `benchmarks.measures.measures.MEASURES`.
        env_id, env_kwargs: of the environment that agents are evaluated on; None for the algorithm's own.
        validation: name in `benchmarks.measures.measures.VALIDATIONS` of what is taken at every point of the curve, of
            texts that no final measure sees; the best point is measured beside the final one. "" for none.
        validation_texts: the last so many of the task's test data, kept for it alone.
    """

    points: int = 20
    episodes: int = 256
    final_episodes: int = 1_024
    test_texts: int = 2_000
    sample_texts: int = 5
    measures: tuple[str, ...] = ("nll_oracle", "nll_test", "distinct_2")
    env_id: str | None = None
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    validation: str = ""
    validation_texts: int = 500

    def __post_init__(self) -> None:
        for name in ("points", "episodes", "final_episodes", "test_texts", "validation_texts"):
            if getattr(self, name) < 1:
                raise ValueError(f"evaluation: {name}={getattr(self, name)} must be >= 1")
        if self.validation and self.validation not in VALIDATIONS:
            raise ValueError(f"evaluation: validation={self.validation!r} must be one of {', '.join(VALIDATIONS)}")
        for name in self.measures:
            if name not in MEASURES:
                raise ValueError(f"evaluation: measures: {name!r} is no measure; there are {', '.join(MEASURES)}")

    @property
    def kept_for_validation(self) -> int:
        """The number of the last test texts that no final measure may see."""
        return self.validation_texts if self.validation else 0


@dataclass(frozen=True)
class Algorithm:
    """Algorithm with its settings: one line of the table.

    Attributes:
        label: its name in table, figures and folders: letters, digits and `. _ + -`.
        agent: registered name of an agent (`agents.AGENTS`), or import path "module:Class"; of an algorithm of
            Stable-Baselines3 its path.
        total_tokens: the training budget, of tokens generated, read and rolled out; 0 for what is not trained.
        kind: "agent" for a class of the Protocol in agents/protocol.py, "sb3" for an algorithm of Stable-Baselines3.
        hyperparameters: for the agent's `config_class`, or for the constructor of the SB3 algorithm, and besides them
            `ent_half_life`, see `benchmarks.policies.sb3.SB3Adapter`.
        policy: of an SB3 algorithm.
        policy_kwargs: for `textgen_env.sb3.policy_kwargs`; what that does not take is the policy's own.
        masked: hand the environment's action masks to `predict` (agents, MaskablePPO).
        num_envs: rows of the training environment.
        env_id, env_kwargs: of the training environment; None for the experiment's.
        init_from: label of another algorithm, whose finished agent of the same seed this one begins as
            (`agent.initialise_from(other)`); its budget comes on top of that algorithm's. "" for a fresh agent.
        init_at: which of that algorithm's agents: of the "end" of its training, or of the point that was "best" by
            validation, as early stopping keeps it.
    """

    label: str
    agent: str
    total_tokens: int = 0
    kind: Kind = "agent"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "MlpPolicy"
    policy_kwargs: Mapping[str, Any] = field(default_factory=dict)
    masked: bool = False
    num_envs: int = 64
    env_id: str | None = None
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    init_from: str = ""
    init_at: InitAt = "end"

    def __post_init__(self) -> None:
        if not LABEL.fullmatch(self.label):
            raise ValueError(f"label={self.label!r} names a folder: use letters, digits and . _ + - only")
        if self.total_tokens < 0 or self.num_envs < 1:
            raise ValueError(
                f"algorithm {self.label}: total_tokens={self.total_tokens} must be >= 0 and "
                f"num_envs={self.num_envs} >= 1"
            )
        if self.kind not in ("agent", "sb3"):
            raise ValueError(f"algorithm {self.label}: kind={self.kind!r} must be 'agent' or 'sb3'")
        if self.init_from and self.kind == "sb3":
            raise ValueError(f"algorithm {self.label}: init_from={self.init_from!r} is for agents, not for kind='sb3'")
        if self.init_at not in ("end", "best"):
            raise ValueError(f"algorithm {self.label}: init_at={self.init_at!r} must be 'end' or 'best'")
        if self.init_at == "best" and not self.init_from:
            raise ValueError(f"algorithm {self.label}: init_at='best' of no other algorithm; name one in init_from")

    def with_hyperparameters(self, settings: Mapping[str, Any]) -> Algorithm:
        """The algorithm with these hyperparameters besides, or in place of, those that it has."""
        return replace(self, hyperparameters={**self.hyperparameters, **settings})

    def to_config(self) -> dict[str, Any]:
        """Plain JSON values; an agent that is registered by its name, wherever its class stands."""
        name = AGENTS.name_of(self.agent) if self.kind == "agent" else None
        config = {**asdict(self), "agent": name or self.agent}
        # Runs that were kept before there was another place to start from are of the same settings still.
        return {key: value for key, value in config.items() if (key, value) != ("init_at", "end")}


@dataclass(frozen=True)
class Experiment:
    """Experiment: a comparison of algorithms on one environment, over seeds.

    Attributes:
        name: of the folder of results: as registered, or "name-size" where there are several sizes.
        description: one line.
        baseline: label of the algorithm that a share of the distance is counted from; "" for none.
        goal: name of the reference (`benchmarks.evaluation.references.references`) that it is counted to.
        compared_with: label of the algorithm that a test of difference compares every other with; "" for none.
        unit: of a return.
        curve: what learning curves show: "return", or "nll_oracle" where the return is an oracle's log-likelihood.
        expected_shares: label -> the share of that distance (of the goal itself, without a baseline) that the algorithm
            is expected to close at least.
        at_most: name of a measure -> label -> what the algorithm's mean over seeds is expected not to exceed.
        threshold: share of the goal, in [0, 1], that a table counts tokens and seconds to; 0: no such table.
        shared: label -> the experiment whose runs of that algorithm are this one's too: they lie in its folder and are
            done once, whichever asks first.
        metric: name of a measure that `learners` learn on; the report says in a sentence whether that beat
            `compared_with`. "" for none.
        learners: labels of those algorithms.
        costs: names of the measures that the sentence gives beside the metric.
    """

    name: str
    description: str
    env_id: str
    algorithms: tuple[Algorithm, ...]
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    evaluation: Evaluation = field(default_factory=Evaluation)
    baseline: str = ""
    goal: str = "greedy"
    compared_with: str = ""
    unit: str = ""
    curve: CurveOf = "return"
    expected_shares: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.0
    at_most: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    metric: str = ""
    learners: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not LABEL.fullmatch(self.name):
            raise ValueError(f"experiment name={self.name!r} names a folder: use letters, digits and . _ + - only")
        labels = [algorithm.label for algorithm in self.algorithms]
        # Folders that differ in case alone are one folder on some file systems.
        if len({label.casefold() for label in labels}) != len(labels):
            raise ValueError(f"experiment {self.name}: labels must differ in more than case, got {', '.join(labels)}")
        named = (self.baseline, self.compared_with, *(label for bars in self.at_most.values() for label in bars))
        for label in (*self.expected_shares, *self.shared, *self.learners, *filter(None, named)):
            if label not in labels:
                raise ValueError(f"experiment {self.name}: {label!r} is no algorithm; there are {', '.join(labels)}")
        if self.curve not in ("return", "nll_oracle"):
            raise ValueError(f"experiment {self.name}: curve={self.curve!r} must be 'return' or 'nll_oracle'")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"experiment {self.name}: threshold={self.threshold} must lie in [0, 1]")
        _check_parents(self.name, self.algorithms)
        starts_at_best = next((each.label for each in self.algorithms if each.init_at == "best"), None)
        if starts_at_best is not None and not self.evaluation.validation:
            raise ValueError(
                f"experiment {self.name}: algorithm {starts_at_best}: init_at='best' needs a point best by validation; "
                "name one in evaluation.validation"
            )


def _check_parents(name: str, algorithms: tuple[Algorithm, ...]) -> None:
    by_label = {algorithm.label: algorithm for algorithm in algorithms}
    for algorithm in algorithms:
        chain, parent = [algorithm.label], algorithm.init_from
        while parent:
            if parent not in by_label or by_label[parent].kind != "agent":
                what = "is no algorithm" if parent not in by_label else "has kind='sb3', and only agents are kept"
                raise ValueError(f"experiment {name}: algorithm {chain[-1]}: init_from={parent!r} {what}")
            if parent in chain:
                circle = " <- ".join([*chain, parent])
                raise ValueError(f"experiment {name}: algorithms start from one another: {circle}")
            chain.append(parent)
            parent = by_label[parent].init_from


@dataclass(frozen=True)
class Run:
    """Run: one agent trained with one seed; all that its result depends on, as `config.json` keeps it.

    Attributes:
        experiment: in whose folder it lies.
        parent: the run whose finished agent this one begins as, or None.
        device: of torch's, for the agent and a reward that learns.
        Others as in `Experiment` and `Algorithm`.
    """

    experiment: str
    algorithm: Algorithm
    seed: int
    env_id: str
    env_kwargs: Mapping[str, Any]
    evaluation: Evaluation
    device: str = "cpu"
    parent: Run | None = None

    @property
    def name(self) -> str:
        """Its folder below that of the results."""
        return f"{self.experiment}/{self.algorithm.label}/seed-{self.seed}"

    def to_config(self, digested: bool = True) -> dict[str, Any]:
        """Plain JSON values; of the parent its name and the digest of its settings, of files that environments read
        their digests, under `files`, where there are any. Not `digested`: as kept before files had digests."""
        config = {each.name: getattr(self, each.name) for each in fields(self)}
        config |= {"algorithm": self.algorithm.to_config(), "evaluation": asdict(self.evaluation)}
        config["env_kwargs"] = dict(self.env_kwargs)
        config["evaluation"]["measures"] = list(self.evaluation.measures)
        if self.parent is not None:
            config["parent"] = {"run": self.parent.name, "settings": settings_digest(self.parent.to_config(digested))}
        files = digests(self.env_kwargs, self.evaluation.env_kwargs) if digested else {}
        return {**config, FILES: files} if files else config

    def from_anywhere(self) -> Run:
        """The same run, done so from any folder: the files that its environments read are named by absolute paths."""
        return replace(
            self,
            algorithm=replace(self.algorithm, env_kwargs=with_absolute_paths(self.algorithm.env_kwargs)),
            env_kwargs=with_absolute_paths(self.env_kwargs),
            evaluation=replace(self.evaluation, env_kwargs=with_absolute_paths(self.evaluation.env_kwargs)),
            parent=None if self.parent is None else self.parent.from_anywhere(),
        )


def settings_digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of the settings in a configuration: of names and arguments, and of files by what they hold."""
    return hashlib.sha256(json.dumps(by_content(config), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def runs_of(experiment: Experiment, seeds: tuple[int, ...] | None = None, device: str = "cpu") -> list[Run]:
    """Every algorithm with every seed; seed by seed, so that an interrupted benchmark has all of its first seeds, and
    within a seed in the algorithms' order, but for one that others start from, which comes before them.

    Raises:
        ValueError: no seeds, or a negative one.
    """
    chosen = experiment.seeds if seeds is None else tuple(dict.fromkeys(seeds))
    if not chosen or min(chosen) < 0:
        raise ValueError(f"seeds={chosen} must be at least one whole number >= 0")
    algorithms = {algorithm.label: algorithm for algorithm in experiment.algorithms}
    runs: dict[tuple[str, int], Run] = {}

    def add(algorithm: Algorithm, seed: int) -> Run:
        key = algorithm.label, seed
        if key not in runs:
            parent = add(algorithms[algorithm.init_from], seed) if algorithm.init_from else None
            runs[key] = Run(
                experiment=experiment.shared.get(algorithm.label, experiment.name),
                algorithm=algorithm,
                seed=seed,
                env_id=algorithm.env_id or experiment.env_id,
                env_kwargs={**experiment.env_kwargs, **algorithm.env_kwargs},
                evaluation=experiment.evaluation,
                device=device,
                parent=parent,
            )
        return runs[key]

    for seed in chosen:
        for algorithm in experiment.algorithms:
            add(algorithm, seed)
    return list(runs.values())
