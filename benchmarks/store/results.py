"""Results of runs: curves, measurements, failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from benchmarks.store.typed_json import read_as

FORMAT = 3
MACHINE_FAILED = "MachineFailed"
"""The name of the error of a run that the machine failed: no space, no memory, a library that does not load, a process
that was ended from outside."""


@dataclass(frozen=True)
class Point:
    """Point of a learning curve. A run that starts from another's policy counts on from where that one ended.

    Attributes:
        tokens_generated, tokens_read: in training until then.
        seconds: of training until then, on the wall clock, evaluation left out.
        mean_return: over the evaluation's episodes, in the reward's unit.
        tokens_rolled_out: in Monte-Carlo roll-outs until then; part of no other count.
        phase: of the training until then, as the agent calls it.
        losses: of the latest update, by name.
        measures: what was measured at this point beside the return, by name.
    """

    tokens_generated: int
    tokens_read: int
    seconds: float
    mean_return: float
    tokens_rolled_out: int = 0
    phase: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Generated and read: where the point lies on the curve."""
        return self.tokens_generated + self.tokens_read

    @property
    def tokens_spent(self) -> int:
        """All there are: generated, read and rolled out."""
        return self.tokens + self.tokens_rolled_out


@dataclass(frozen=True)
class Measurement:
    """Measurement of a policy other than the final one, by the same final evaluation.

    Attributes:
        point: of the curve, at which the policy was kept.
        mean_return: over the episodes of the final evaluation.
        measures, errors: as in `Result`.
    """

    point: Point
    mean_return: float
    measures: Mapping[str, float]
    errors: Mapping[str, float]


@dataclass(frozen=True)
class Reference:
    """Reference that returns are compared with: its title and its value, in the reward's unit."""

    title: str
    value: float


@dataclass(frozen=True)
class Result:
    """Result of a finished run, as `result.json` keeps it.

    Attributes:
        curve: at least one point; the last is the end of training.
        mean_return, std_return: of the final evaluation's episodes.
        measures: name in `benchmarks.measures.measures.MEASURES` -> value.
        errors: name of a measure -> its Monte-Carlo standard error over the texts; without those that have none.
        sequence_nll_oracle: -log p of each text of the final evaluation under the oracle, nats a token, rounded to
            1e-4; empty where the task has no oracle.
        reasons: name of a measure that does not apply -> why.
        references: their name -> what they are; "greedy", "data", ... as the task has them.
        oracle_entropy: nats a token, of a task that has an oracle; else None.
        samples: texts of the final evaluation.
        evaluation_seconds: on the wall clock, during and after training.
        versions: of what the run was made with.
        best: of the point that was best by validation; None where nothing was validated (`reasons` may say why).
        oracle_entropy_error: its standard error, nats a token; None where it is not known.
        sample_spans: each of the samples in pieces, with what `benchmarks.evaluation.origins` says of each: "copied",
            "repeated" or "new"; empty where the task has no training texts.
    """

    curve: tuple[Point, ...]
    mean_return: float
    std_return: float
    measures: dict[str, float]
    errors: dict[str, float]
    sequence_nll_oracle: tuple[float, ...]
    reasons: dict[str, str]
    references: dict[str, Reference]
    oracle_entropy: float | None
    samples: tuple[str, ...]
    evaluation_seconds: float
    versions: dict[str, str]
    best: Measurement | None = None
    oracle_entropy_error: float | None = None
    sample_spans: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def own_seconds(self) -> float:
        """Of training, without those of the run that it started from."""
        return self.curve[-1].seconds - self.curve[0].seconds

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The result that `to_json` gave.

        Raises:
            ValueError: of another format, incomplete, or not finite.
        """
        if content.get("format") != FORMAT:
            raise ValueError(f"format={content.get('format')!r}, expected {FORMAT}")
        try:
            # Results that were made before spans were kept have none.
            result: Self = read_as(cls, {"sample_spans": [], **content}, "result")
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} is missing") from None
        except TypeError as error:
            raise ValueError(f"not the form of a result: {error}") from None
        if not result.curve:
            raise ValueError("curve has no points")
        return result


@dataclass(frozen=True)
class Failure:
    """Failure: a run that was ended by an error, as `error.json` keeps it.

    Attributes:
        error: in one line: the exception's name, a colon, and what it says.
        traceback: whole.
        curve: until then.
        last: of the last policy that was kept, where training diverged from there.
    """

    error: str
    traceback: str = "(none: the process was ended from outside)"
    curve: tuple[Point, ...] = ()
    last: Measurement | None = None

    @property
    def kind(self) -> str:
        """The exception's name."""
        return self.error.partition(":")[0]

    @property
    def diverged(self) -> bool:
        """Whether it was numbers that are not finite."""
        return self.kind == FloatingPointError.__name__

    @property
    def of_the_machine(self) -> bool:
        """Whether it was the machine's: the run is as one that was interrupted."""
        return self.kind == MACHINE_FAILED

    def with_last(self, last: Measurement | None) -> Self:
        """The same with what was measured last."""
        return replace(self, last=last)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The failure that `to_json` gave; of anything else what can be read."""
        error, traceback = (str(content.get(key, "(not recorded)")) for key in ("error", "traceback"))
        try:
            curve: tuple[Point, ...] = read_as(tuple[Point, ...], content["curve"], "curve")
            last: Measurement | None = read_as(Measurement | None, content["last"], "last")
        except (KeyError, TypeError):
            return cls(error, traceback)
        return cls(error, traceback, curve, last)
