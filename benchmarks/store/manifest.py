"""What was asked for in a folder of results, so that a report can say what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from benchmarks.specs.experiment import Experiment, Run
from benchmarks.store.old_form import in_new_form
from benchmarks.store.run_folder import read_json, write_json

MANIFEST = "experiment.json"
TEXTS = ("name", "description", "env_id", "unit", "baseline", "goal", "compared_with", "curve")
Key = tuple[str, int]
"""A run within an experiment: its algorithm's label and its seed."""


@dataclass(frozen=True)
class Manifest:
    """An experiment and all runs of it that were ever asked for.

    Attributes:
        name, description, env_id, unit, baseline, goal, compared_with, curve, expected_shares, reach, at_most: as
            in `Experiment`.
        labels: of its algorithms, in order.
        runs: the configuration of each run.
    """

    name: str
    description: str = ""
    env_id: str = ""
    unit: str = ""
    baseline: str = ""
    goal: str = ""
    compared_with: str = ""
    curve: str = "return"
    expected_shares: Mapping[str, float] = field(default_factory=dict)
    reach: float = 0.0
    at_most: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    runs: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, runs: Sequence[Run]) -> Self:
        """The experiment with these of its runs."""
        return cls(
            **{name: getattr(experiment, name) for name in TEXTS},
            expected_shares=experiment.expected_shares,
            reach=experiment.reach,
            at_most=experiment.at_most,
            labels=tuple(each.label for each in experiment.algorithms),
            runs={(run.algorithm.label, run.seed): run.to_config() for run in runs},
        )

    @property
    def devices(self) -> list[str]:
        """That its runs were to be done on."""
        return sorted({str(config.get("device", "cpu")) for config in self.runs.values()})

    def with_earlier(self, earlier: Manifest) -> Manifest:
        """With the runs of an earlier manifest added; what both have is as here."""
        labels = tuple(dict.fromkeys((*self.labels, *earlier.labels)))
        return replace(self, labels=labels, runs={**earlier.runs, **self.runs})

    def write(self, folder: Path) -> None:
        """Keeps it in an experiment's folder."""
        texts = {name: getattr(self, name) for name in TEXTS}
        shares = {"expected_shares": dict(self.expected_shares), "reach": self.reach}
        shares["at_most"] = {measure: dict(bars) for measure, bars in self.at_most.items()}
        write_json(
            folder / MANIFEST,
            {
                **texts,
                **shares,
                "devices": self.devices,
                "labels": list(self.labels),
                "runs": list(self.runs.values()),
            },
        )


def read_manifest(folder: Path) -> Manifest:
    """What `Manifest.write` kept in an experiment's folder.

    Raises:
        FileNotFoundError: nothing.
        ValueError: something else.
    """
    content = read_json(folder / MANIFEST)
    try:
        runs = [in_new_form(config) for config in content["runs"]]
        return Manifest(
            **{name: _text(content[name]) for name in TEXTS},
            expected_shares={_text(label): float(share) for label, share in content["expected_shares"].items()},
            reach=float(content.get("reach", 0.0)),
            at_most={
                _text(measure): {_text(label): float(most) for label, most in bars.items()}
                for measure, bars in content.get("at_most", {}).items()
            },
            labels=tuple(_text(label) for label in content["labels"]),
            runs={(_text(config["algorithm"]["label"]), int(config["seed"])): config for config in runs},
        )
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is missing") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not the form of a manifest: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return value
