"""What a run yields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

FORMAT = 2


@dataclass(frozen=True)
class Point:
    """Of a learning curve.

    Attributes:
        tokens_generated, tokens_read: in training until then.
        seconds: of training until then, on the wall clock, evaluation left out.
        mean_return: over the evaluation's episodes, in the reward's unit.
    """

    tokens_generated: int
    tokens_read: int
    seconds: float
    mean_return: float


@dataclass(frozen=True)
class Reference:
    """A level that returns are compared with: its title and its value, in the reward's unit."""

    title: str
    value: float


@dataclass(frozen=True)
class Result:
    """A finished run, as `result.json` keeps it.

    Attributes:
        curve: at least one point; the last is the end of training.
        mean_return, std_return: of the final evaluation's episodes.
        measures: name in `benchmarks.measures.MEASURES` -> value.
        errors: name of a measure -> its Monte-Carlo standard error over the texts; without those that have none.
        sequence_nll_oracle: -log p of each text of the final evaluation under the oracle, nats a token, rounded to
            1e-4; empty where the task has no oracle.
        reasons: name of a measure that does not apply -> why.
        references: name -> level; "greedy", "data", ... as the task has them.
        oracle_entropy: nats a token, of a task that has an oracle; else None.
        samples: texts of the final evaluation.
        evaluation_seconds: on the wall clock, during and after training.
        versions: of what the run was made with.
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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            ValueError: of another format, incomplete, or not finite.
        """
        if content.get("format") != FORMAT:
            raise ValueError(f"format={content.get('format')!r}, expected {FORMAT}")
        try:
            entropy = content["oracle_entropy"]
            result = cls(
                curve=tuple(
                    Point(
                        int(point["tokens_generated"]),
                        int(point["tokens_read"]),
                        _finite(point["seconds"]),
                        _finite(point["mean_return"]),
                    )
                    for point in content["curve"]
                ),
                mean_return=_finite(content["mean_return"]),
                std_return=_finite(content["std_return"]),
                measures={str(name): _finite(value) for name, value in content["measures"].items()},
                errors={str(name): _finite(value) for name, value in content["errors"].items()},
                sequence_nll_oracle=tuple(_finite(value) for value in content["sequence_nll_oracle"]),
                reasons={str(name): str(reason) for name, reason in content["reasons"].items()},
                references={
                    str(name): Reference(str(level["title"]), _finite(level["value"]))
                    for name, level in content["references"].items()
                },
                oracle_entropy=None if entropy is None else _finite(entropy),
                samples=tuple(str(text) for text in content["samples"]),
                evaluation_seconds=_finite(content["evaluation_seconds"]),
                versions={str(name): str(version) for name, version in content["versions"].items()},
            )
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} is missing") from None
        except (TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not the form of a result: {error}") from None
        if not result.curve:
            raise ValueError("curve has no points")
        return result


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value!r}")
    return float(value)
