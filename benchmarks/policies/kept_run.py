"""Run as its folder keeps it: its agent, and the settings that it was made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.analysis.load import absolute, collect, experiment_folders
from benchmarks.policies.agent import load_agent_class
from benchmarks.policies.environments import learned_reward, load_reward, made_environment
from benchmarks.specs.experiment import IMPORTED, Algorithm, Evaluation, Run
from benchmarks.specs.import_path import look_in_current_folder
from benchmarks.store.run_folder import AGENT, CONFIG, REWARD, read_state
from benchmarks.store.typed_json import read_fields
from textgen_env.files import DamagedFile
from textgen_env.registries import names_alone


@dataclass(frozen=True)
class KeptRun:
    """Run with an agent that can be asked again.

    Attributes:
        folder: of the run.
        config: as `Run.to_config` gave it.
        agent: as it was at the end.
        trust: whether import paths in its settings are followed.
    """

    folder: Path
    config: Mapping[str, Any]
    agent: Any
    trust: bool

    @property
    def experiment(self) -> str:
        """In whose folder it lies."""
        return str(self.config.get("experiment", ""))

    @property
    def label(self) -> str:
        """Of its algorithm."""
        return str(self.config["algorithm"].get("label", self.folder.parent.name))

    @property
    def seed(self) -> int:
        """Of its training."""
        return int(self.config.get("seed", 0))

    @property
    def name(self) -> str:
        """Experiment, label and seed."""
        return f"{self.experiment}/{self.label}/seed-{self.seed}"

    @property
    def evaluation(self) -> Evaluation:
        """As its experiment evaluates.

        Raises:
            ValueError: the settings say something else.
        """
        try:
            return Evaluation(**read_fields(self.config["evaluation"], Evaluation))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.folder / CONFIG}: its evaluation is not readable: {error}") from None

    @property
    def training_place(self) -> tuple[str, dict[str, Any]]:
        """Id and keyword arguments of the environment that it was trained in."""
        return self._place(self.config.get("env_id"), self.config.get("env_kwargs", {}))

    @property
    def evaluation_place(self) -> tuple[str, dict[str, Any]]:
        """Id and keyword arguments of the environment that its final evaluation was played in."""
        evaluation = self.evaluation
        if evaluation.env_id is None:
            return self.training_place
        return self._place(evaluation.env_id, evaluation.env_kwargs)

    def by_name(self) -> AbstractContextManager[None]:
        """Within it, nothing that its settings name is imported, unless the person trusts them."""
        return nullcontext() if self.trust else names_alone(self.folder / CONFIG)

    def environment(self, place: tuple[str, Mapping[str, Any]]) -> Any:
        """A single environment at a place that its settings name.

        Raises:
            ValueError: one that is unknown, or writes no texts; import paths without trust.
        """
        with self.by_name():
            return made_environment(*place, self.trust)

    def pays_as_learned(self, env: Any, place: tuple[str, Mapping[str, Any]]) -> bool:
        """Gives the reward of an environment, if it learns, what that of the training had learned at its end; whether
        it pays so now, as any does that does not learn.

        Args:
            env: made at the place.
            place: id and keyword arguments; another reward than that of the training is taught nothing.

        Raises:
            textgen_env.files.UnreadableFile: what was kept is of another reward.
        """
        if learned_reward(env) is None:
            return True
        file = self.folder / REWARD
        if place != self.training_place or not file.is_file():
            return False
        load_reward(env, file)
        return True

    def _place(self, env_id: Any, kwargs: Any) -> tuple[str, dict[str, Any]]:
        if not isinstance(env_id, str) or not isinstance(kwargs, Mapping):
            raise ValueError(f"{self.folder / CONFIG} names no environment: env_id={env_id!r}, env_kwargs={kwargs!r}")
        return env_id, dict(kwargs)


def kept_run(folder: Path, trust: bool = False) -> KeptRun:
    """The run in a folder, with its agent.

    Args:
        folder: of a finished run.
        trust: whether import paths in its settings are followed.

    Raises:
        FileNotFoundError: no agent there.
        ValueError, TypeError: a damaged folder, import paths without `trust`, a run that was imported.
    """
    file, state = folder / AGENT, read_state(folder)
    algorithm = (state.config or {}).get("algorithm")
    kind = algorithm.get("kind") if isinstance(algorithm, Mapping) else None
    if kind == IMPORTED:
        raise ValueError(f"RUN={str(folder)!r} was imported: there are its measures, and no agent")
    if not file.is_file():
        older = ", of a version that keeps the policies of Stable-Baselines3" if kind == "sb3" else ""
        raise FileNotFoundError(f"RUN={str(folder)!r} holds no {AGENT}; give the folder of a finished run{older}")
    for broken, reason in state.broken:
        raise DamagedFile(broken, reason, "do the run again")
    if state.config is None:
        raise FileNotFoundError(f"RUN={str(folder)!r} holds no {CONFIG}; give the folder of a finished run")
    if trust:
        look_in_current_folder()
    return KeptRun(folder, state.config, kept_agent(folder, state.config, trust), trust)


def kept_agent(folder: Path, config: Mapping[str, Any], trust: bool = False) -> Any:
    """The agent in a run's folder, as it was at the end; of Stable-Baselines3 a
    `benchmarks.policies.sb3_model.SB3Policy`.

    Args:
        folder: of a finished run.
        config: its settings.
        trust: whether import paths in them are followed.

    Raises:
        ValueError, TypeError: a damaged folder, import paths without `trust`, settings of no agent.
    """
    algorithm, settings = config.get("algorithm"), folder / CONFIG
    if not isinstance(algorithm, Mapping) or algorithm.get("kind") not in ("agent", "sb3"):
        raise ValueError(f"{settings}: algorithm={algorithm!r} must be of the kind 'agent' or 'sb3' to be asked again")
    with nullcontext() if trust else names_alone(settings):
        if algorithm["kind"] == "sb3":
            return _kept_model(folder, config, trust)
        return load_agent_class(str(algorithm.get("agent"))).load(folder / AGENT)


def _kept_model(folder: Path, config: Mapping[str, Any], trust: bool) -> Any:
    from benchmarks.policies.sb3_model import SB3Policy, load_policy, made_model
    from textgen_env.sb3 import make_sb3_vec_env

    try:
        algorithm = Algorithm(**read_fields(config["algorithm"], Algorithm))
        evaluation = Evaluation(**read_fields(config["evaluation"], Evaluation))
        env_id, kwargs, seed = str(config["env_id"]), dict(config["env_kwargs"]), int(config["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / CONFIG} is not readable: {error}") from None
    run = Run(folder.parent.parent.name, algorithm, seed, env_id, kwargs, evaluation)
    task = made_environment(env_id, kwargs, trust).unwrapped.task
    model = made_model(run, make_sb3_vec_env(env_id, algorithm.num_envs, seed, **kwargs))
    load_policy(model, folder / AGENT)
    return SB3Policy(model, task)


def run_folders(paths: Iterable[Path]) -> list[Path]:
    """The folders of finished runs that paths name: of a run, of one algorithm's runs, of an experiment, or of results.

    Raises:
        ValueError: a path with none.
    """
    found: list[Path] = []
    for path in map(absolute, paths):
        if (path / CONFIG).is_file():
            inside = [path]
        elif any(path.glob(f"seed-*/{CONFIG}")):
            inside = [each.parent for each in path.glob(f"seed-*/{CONFIG}") if read_state(each.parent).result]
            inside.sort(key=lambda each: (len(each.name), each.name))
        else:
            inside = [
                collected.folder.parent / record.name
                for collected in map(collect, experiment_folders(path))
                for algorithm in collected.algorithms
                for record in algorithm.records
                if record.state.result is not None
            ]
        if not inside:
            raise ValueError(f"RUN={str(path)!r} holds no finished run; give the folder of one, such as .../ppo/seed-0")
        found += inside
    return list(dict.fromkeys(found))
