"""What an experiment is: data. Adding one is adding one file to benchmarks/experiments/."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from benchmarks.specs.file_digests import FILES, by_content, digests
from benchmarks.specs.validations import VALIDATIONS

Kind = Literal["agent", "sb3"]
CurveOf = Literal["return", "nll_oracle"]
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class Evaluation:
    """How agents are measured; the same for every row.

    Attributes:
        points: how often the learning curve is measured during training, evenly spaced over the budget.
        episodes: played for each of those points.
        final_episodes: fresh ones, played once after training, that the table is made of.
        test_texts: of the task's test data, the first so many, whose likelihood under the agent is taken.
        sample_texts: shown on the page.
        measures: names in `benchmarks.evaluation.measures.MEASURES`.
        env_id, env_kwargs: of the environment that agents are evaluated on; None for the row's own.
        validation: name in `benchmarks.specs.validations.VALIDATIONS` of what is taken at every point of the curve, of
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

    @property
    def kept_for_validation(self) -> int:
        """How many of the last test texts no final measure may see."""
        return self.validation_texts if self.validation else 0


@dataclass(frozen=True)
class Row:
    """One line of the table: an algorithm and its settings.

    Attributes:
        label: its name in table, figures and folders: letters, digits and `. _ + -`.
        agent: registered name of an agent (`agents.AGENTS`), or import path "module:Class"; of an algorithm of
            Stable-Baselines3 its path.
        total_tokens: the training budget, of tokens generated, read and rolled out; 0 for what is not trained.
        kind: "agent" for a class of the Protocol in agents/protocol.py, "sb3" for an algorithm of Stable-Baselines3.
        hyperparameters: for the agent's `config_class`, or for the constructor of the SB3 algorithm, and besides them
            `ent_half_life`, see `benchmarks.policies.sb3.SB3Contestant`.
        policy: of an SB3 algorithm.
        policy_kwargs: for `textgen_env.sb3.policy_kwargs`; what that does not take is the policy's own.
        masked: hand the environment's action masks to `predict` (agents, MaskablePPO).
        num_envs: rows of the training environment.
        env_id, env_kwargs: of the training environment; None for the experiment's.
        starts_from: label of another row, whose finished agent of the same seed this one begins as
            (`agent.initialise_from(other)`); its budget comes on top of that row's. "" for a fresh agent.
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
    starts_from: str = ""

    def __post_init__(self) -> None:
        if not LABEL.fullmatch(self.label):
            raise ValueError(f"label={self.label!r} names a folder: use letters, digits and . _ + - only")
        if self.total_tokens < 0 or self.num_envs < 1:
            raise ValueError(
                f"row {self.label}: total_tokens={self.total_tokens} must be >= 0 and num_envs={self.num_envs} >= 1"
            )
        if self.kind not in ("agent", "sb3"):
            raise ValueError(f"row {self.label}: kind={self.kind!r} must be 'agent' or 'sb3'")
        if self.starts_from and self.kind == "sb3":
            raise ValueError(f"row {self.label}: starts_from={self.starts_from!r} is for agents, not for kind='sb3'")


@dataclass(frozen=True)
class Experiment:
    """A comparison of rows on one environment, over seeds.

    Attributes:
        name: of the folder of results, and of the file in benchmarks/experiments/; "file-size" where that file
            defines several sizes.
        description: one line.
        baseline: label of the row that a share of the distance is counted from; "" for none.
        goal: name of the reference (`benchmarks.evaluation.references.references`) that it is counted to.
        compared_with: label of the row that a test of difference compares every other row with; "" for none.
        unit: of a return.
        curve: what learning curves show: "return", or "nll_oracle" where the return is an oracle's log-likelihood.
        expected_shares: label -> the share of that distance (of the goal itself, without a baseline) that the row is
            expected to close at least.
        at_most: name of a measure -> label -> what the row's mean over seeds is expected not to exceed.
        reach: share of the goal, in [0, 1], that a table counts each row's tokens and seconds to; 0: no such table.
        shared: label -> the experiment whose runs of that row are this one's too: they lie in its folder and are done
            once, whichever asks first.
    """

    name: str
    description: str
    env_id: str
    rows: tuple[Row, ...]
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    evaluation: Evaluation = field(default_factory=Evaluation)
    baseline: str = ""
    goal: str = "greedy"
    compared_with: str = ""
    unit: str = ""
    curve: CurveOf = "return"
    expected_shares: Mapping[str, float] = field(default_factory=dict)
    reach: float = 0.0
    at_most: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = [row.label for row in self.rows]
        # Folders that differ in case alone are one folder on some file systems.
        if len({label.casefold() for label in labels}) != len(labels):
            raise ValueError(f"experiment {self.name}: labels must differ in more than case, got {', '.join(labels)}")
        named = (self.baseline, self.compared_with, *(label for bars in self.at_most.values() for label in bars))
        for label in (*self.expected_shares, *self.shared, *filter(None, named)):
            if label not in labels:
                raise ValueError(f"experiment {self.name}: {label!r} is no row; there are {', '.join(labels)}")
        if self.curve not in ("return", "nll_oracle"):
            raise ValueError(f"experiment {self.name}: curve={self.curve!r} must be 'return' or 'nll_oracle'")
        if not 0 <= self.reach <= 1:
            raise ValueError(f"experiment {self.name}: reach={self.reach} must lie in [0, 1]")
        _check_sources(self.name, self.rows)


def _check_sources(name: str, rows: tuple[Row, ...]) -> None:
    by_label = {row.label: row for row in rows}
    for row in rows:
        chain, source = [row.label], row.starts_from
        while source:
            if source not in by_label or by_label[source].kind != "agent":
                what = "is no row" if source not in by_label else "has kind='sb3', and only agents are kept"
                raise ValueError(f"experiment {name}: row {chain[-1]}: starts_from={source!r} {what}")
            if source in chain:
                raise ValueError(f"experiment {name}: rows start from one another: {' <- '.join([*chain, source])}")
            chain.append(source)
            source = by_label[source].starts_from


@dataclass(frozen=True)
class Run:
    """One agent trained with one seed: all that its result depends on, as `config.json` keeps it.

    Attributes:
        experiment: in whose folder it lies.
        source: the run whose finished agent this one begins as, or None.
        device: of torch's, for the agent and a reward that learns.
        Others as in `Experiment` and `Row`.
    """

    experiment: str
    row: Row
    seed: int
    env_id: str
    env_kwargs: Mapping[str, Any]
    evaluation: Evaluation
    device: str = "cpu"
    source: Run | None = None

    @property
    def name(self) -> str:
        """Its folder below that of the results."""
        return f"{self.experiment}/{self.row.label}/seed-{self.seed}"

    def to_config(self, digested: bool = True) -> dict[str, Any]:
        """Plain JSON values; of the source its name and the digest of its settings, of files that environments read
        their digests, under `files`, where there are any. Not `digested`: as kept before files had digests."""
        config = {each.name: getattr(self, each.name) for each in fields(self)}
        config |= {"row": asdict(self.row), "evaluation": asdict(self.evaluation), "env_kwargs": dict(self.env_kwargs)}
        config["evaluation"]["measures"] = list(self.evaluation.measures)
        if self.source is not None:
            config["source"] = {"run": self.source.name, "settings": settings_digest(self.source.to_config(digested))}
        files = digests(self.env_kwargs, self.evaluation.env_kwargs) if digested else {}
        return {**config, FILES: files} if files else config


def settings_digest(config: Mapping[str, Any]) -> str:
    """What tells the settings in a configuration from any others; files count by what they hold."""
    return hashlib.sha256(json.dumps(by_content(config), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def runs_of(experiment: Experiment, seeds: tuple[int, ...] | None = None, device: str = "cpu") -> list[Run]:
    """Every row with every seed; seed by seed, so that an interrupted benchmark has all rows of its first seeds, and
    within a seed in the rows' order, but for a row that others start from, which comes before them.

    Raises:
        ValueError: no seeds, or a negative one.
    """
    chosen = experiment.seeds if seeds is None else tuple(dict.fromkeys(seeds))
    if not chosen or min(chosen) < 0:
        raise ValueError(f"seeds={chosen} must be at least one whole number >= 0")
    rows = {row.label: row for row in experiment.rows}
    runs: dict[tuple[str, int], Run] = {}

    def add(row: Row, seed: int) -> Run:
        key = row.label, seed
        if key not in runs:
            source = add(rows[row.starts_from], seed) if row.starts_from else None
            runs[key] = Run(
                experiment=experiment.shared.get(row.label, experiment.name),
                row=row,
                seed=seed,
                env_id=row.env_id or experiment.env_id,
                env_kwargs={**experiment.env_kwargs, **row.env_kwargs},
                evaluation=experiment.evaluation,
                device=device,
                source=source,
            )
        return runs[key]

    for seed in chosen:
        for row in experiment.rows:
            add(row, seed)
    return list(runs.values())
