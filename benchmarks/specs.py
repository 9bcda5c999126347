"""What an experiment is: data. Adding one is adding one file to benchmarks/experiments/."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, Literal

from benchmarks import experiments

Kind = Literal["agent", "sb3"]
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
        measures: names in `benchmarks.measures.MEASURES`.
        env_id, env_kwargs: of the environment that agents are evaluated on; None for the row's own.
    """

    points: int = 20
    episodes: int = 256
    final_episodes: int = 1_024
    test_texts: int = 2_000
    sample_texts: int = 5
    measures: tuple[str, ...] = ("nll_oracle", "nll_test", "distinct_2")
    env_id: str | None = None
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the table: an algorithm and its settings.

    Attributes:
        label: its name in table, figures and folders: letters, digits and `. _ + -`.
        agent: import path of the class, "module:Class".
        total_tokens: the training budget; 0 for what is not trained.
        kind: "agent" for a class of the Protocol in agents/base.py, "sb3" for an algorithm of Stable-Baselines3.
        hyperparameters: for the agent's `config_class`, or for the constructor of the SB3 algorithm.
        policy: of an SB3 algorithm.
        policy_kwargs: for `textgen_env.sb3.policy_kwargs`.
        masked: hand the environment's action masks to `predict` (agents, MaskablePPO).
        num_envs: rows of the training environment.
        env_id, env_kwargs: of the training environment; None for the experiment's.
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

    def __post_init__(self) -> None:
        if not LABEL.fullmatch(self.label):
            raise ValueError(f"label={self.label!r} names a folder: use letters, digits and . _ + - only")
        if self.total_tokens < 0 or self.num_envs < 1:
            raise ValueError(
                f"row {self.label}: total_tokens={self.total_tokens} must be >= 0 and num_envs={self.num_envs} >= 1"
            )
        if self.kind not in ("agent", "sb3"):
            raise ValueError(f"row {self.label}: kind={self.kind!r} must be 'agent' or 'sb3'")


@dataclass(frozen=True)
class Experiment:
    """A comparison of rows on one environment, over seeds.

    Attributes:
        name: of the file in benchmarks/experiments/ and of the folder of results.
        description: one line.
        baseline: label of the row that a share of the distance is counted from; "" for none.
        goal: name of the reference (`benchmarks.measures.references`) that it is counted to.
        compared_with: label of the row that a test of difference compares every other row with; "" for none.
        unit: of a return.
        expected_shares: label -> the share of that distance that the row is expected to close at least.
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
    expected_shares: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = [row.label for row in self.rows]
        # Folders that differ in case alone are one folder on some file systems.
        if len({label.casefold() for label in labels}) != len(labels):
            raise ValueError(f"experiment {self.name}: labels must differ in more than case, got {', '.join(labels)}")
        for label in (*self.expected_shares, *filter(None, (self.baseline, self.compared_with))):
            if label not in labels:
                raise ValueError(f"experiment {self.name}: {label!r} is no row; there are {', '.join(labels)}")


@dataclass(frozen=True)
class Run:
    """One agent trained with one seed: all that its result depends on, as `config.json` keeps it."""

    experiment: str
    row: Row
    seed: int
    env_id: str
    env_kwargs: Mapping[str, Any]
    evaluation: Evaluation

    @property
    def name(self) -> str:
        """Its folder below that of the results."""
        return f"{self.experiment}/{self.row.label}/seed-{self.seed}"

    def to_config(self) -> dict[str, Any]:
        """Plain JSON values."""
        config = asdict(self)
        config["evaluation"]["measures"] = list(self.evaluation.measures)
        return config


def runs_of(experiment: Experiment, seeds: tuple[int, ...] | None = None) -> list[Run]:
    """Every row with every seed; seed by seed, so that an interrupted benchmark has all rows of its first seeds.

    Raises:
        ValueError: no seeds, or a negative one.
    """
    chosen = experiment.seeds if seeds is None else tuple(dict.fromkeys(seeds))
    if not chosen or min(chosen) < 0:
        raise ValueError(f"seeds={chosen} must be at least one whole number >= 0")
    return [
        Run(
            experiment=experiment.name,
            row=row,
            seed=seed,
            env_id=row.env_id or experiment.env_id,
            env_kwargs={**experiment.env_kwargs, **row.env_kwargs},
            evaluation=experiment.evaluation,
        )
        for seed in chosen
        for row in experiment.rows
    ]


def experiment_names() -> list[str]:
    """The modules in benchmarks/experiments/."""
    return sorted(module.name for module in pkgutil.iter_modules(experiments.__path__))


def load_experiment(name: str) -> Experiment:
    """The experiment in benchmarks/experiments/`name`.py.

    Raises:
        ValueError: no such file, or one that defines something else.
    """
    names = experiment_names()
    if name not in names:
        raise ValueError(f"there is no experiment {name!r}; there are {', '.join(names)}")
    experiment = getattr(import_module(f"{experiments.__name__}.{name}"), "EXPERIMENT", None)
    if not isinstance(experiment, Experiment) or experiment.name != name:
        raise ValueError(f"benchmarks/experiments/{name}.py must define EXPERIMENT = Experiment(name={name!r}, ...)")
    return experiment


def load_object(path: str) -> Any:
    """What the import path "module:attribute" names.

    Raises:
        ValueError: not of that form, or nothing there.
    """
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        raise ValueError(f"import path {path!r} must be of the form 'module:Class'")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise ValueError(f"import path {path!r}: {error}") from error
    except AttributeError:
        raise ValueError(f"import path {path!r}: the module has no {attribute!r}") from None
