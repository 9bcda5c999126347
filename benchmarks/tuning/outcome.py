"""Outcomes of studies: kept in their folders, and gathered into one table of what tuning gained."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.specs.tuned import OF_SUITE, Place, Tuned
from benchmarks.store.run_folder import read_sealed, write_sealed, write_text
from benchmarks.store.typed_json import read_as
from benchmarks.tuning.confirmation import Comparison
from benchmarks.tuning.study import Tried
from textgen_env.files import DamagedFile

OUTCOME, TABLE = "outcome.json", "gains.csv"
COLUMNS = (
    "environment",
    "suite",
    "agent",
    "tokens",
    "trials",
    "pruned",
    "diverged",
    "seeds",
    "default",
    "tuned",
    "difference",
    "low",
    "high",
    "verdict",
    "settings",
    "date",
    "version",
)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a study.

    Attributes:
        tuned: the settings that were selected, and how they were found.
        comparison: of them with the defaults.
        pruned, diverged: of the trials, how many.
    """

    tuned: Tuned
    comparison: Comparison
    pruned: int
    diverged: int

    @property
    def row(self) -> dict[str, Any]:
        """Of the table, by column; numbers in full."""
        found, low_high = self.tuned.found, self.comparison.interval or ("", "")
        return {
            "environment": self.tuned.place.environment + _arguments(self.tuned),
            "suite": self.tuned.place.suite,
            "agent": self.tuned.agent,
            "tokens": found["tokens"],
            "trials": found["trials"],
            "pruned": self.pruned,
            "diverged": self.diverged,
            "seeds": self.comparison.asked,
            "default": found["default"],
            "tuned": found["tuned"],
            "difference": self.comparison.difference,
            "low": low_high[0],
            "high": low_high[1],
            "verdict": self.comparison.verdict,
            "settings": json.dumps(dict(self.tuned.settings), ensure_ascii=False),
            "date": found["date"],
            "version": found["version"],
        }


def write_outcome(folder: Path, tuned: Tuned, tried: Sequence[Tried], comparison: Comparison) -> None:
    """Keeps the outcome of a study in its folder."""
    write_sealed(
        folder / OUTCOME,
        {
            "agent": tuned.agent,
            **{name: getattr(tuned.place, name) for name in ("environment", *OF_SUITE)},
            "arguments": dict(tuned.place.arguments),
            "settings": dict(tuned.settings),
            "found": dict(tuned.found),
            "default": list(comparison.default),
            "tuned": list(comparison.tuned),
            "asked": comparison.asked,
            "pruned": sum(each.value is None and not each.diverged for each in tried),
            "diverged": sum(each.diverged for each in tried),
        },
    )


def read_outcome(folder: Path) -> Outcome:
    """The outcome in a study's folder.

    Raises:
        FileNotFoundError: none, or not yet.
        textgen_env.files.UnreadableFile: something else.
    """
    content = read_sealed(folder / OUTCOME, required=True)
    try:
        comparison = Comparison(
            read_as(tuple[float, ...], content["default"], "default"),
            read_as(tuple[float, ...], content["tuned"], "tuned"),
            int(content["asked"]),
        )
        # Studies that were kept before the suite was tuned are of none.
        words = {name: str(content.get(name, "")) for name in OF_SUITE}
        place = Place(content["environment"], arguments=content["arguments"], **words)
        tuned = Tuned(content["agent"], place, content["settings"], content["found"])
        return Outcome(tuned, comparison, int(content["pruned"]), int(content["diverged"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(folder / OUTCOME, f"is no outcome of a study: {error}") from None


def gathered(folder: Path) -> tuple[list[Outcome], list[str]]:
    """The outcomes of all studies in a folder, by environment and agent, and the names of those that have none yet.

    Raises:
        FileNotFoundError: no studies there.
        textgen_env.files.UnreadableFile: as `read_outcome`.
    """
    studies = sorted(each.parent for each in folder.glob("*/study.json"))
    if not studies:
        raise FileNotFoundError(f"{folder} holds no studies; `tune` makes them, in runs/tuning unless --out is given")
    found = [read_outcome(each) for each in studies if (each / OUTCOME).is_file()]
    open_ = [each.name for each in studies if not (each / OUTCOME).is_file()]
    return sorted(found, key=lambda each: (each.tuned.place.environment, each.tuned.agent)), open_


def write_table(outcomes: Iterable[Outcome], path: Path) -> None:
    """Writes one row an outcome, as CSV."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(each.row for each in outcomes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text.getvalue())


def _arguments(tuned: Tuned) -> str:
    return f" {json.dumps(dict(tuned.place.arguments), ensure_ascii=False)}" if tuned.place.arguments else ""
