"""What a point of a learning curve may be chosen by: measures of held-out texts, none of which asks the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Validation:
    """The name in `benchmarks.evaluation.measures.MEASURES` of what is measured, and whether less of it is better."""

    measure: str
    less_is_better: bool


VALIDATIONS: Mapping[str, Validation] = MappingProxyType(
    {"nll": Validation("nll_test", True), **{f"bleu_{n}": Validation(f"bleu_{n}", False) for n in (2, 3, 4, 5)}}
)


def validated(validation: str) -> str:
    """What the measure of this validation is called at a point of the curve."""
    return f"validation_{validation}"
