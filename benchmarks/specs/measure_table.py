"""What measures are called in tables, and their units."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.specs.validations import validated

RETURN = "return"
"""The mean over the final episodes: measured of every run."""
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "nll_oracle": "NLL_oracle",
        "nll_test": "NLL_test",
        "kl_forward": "KL(oracle‖agent)",
        "kl_reverse": "KL(agent‖oracle)",
        "entropy": "entropy",
        **{f"bleu_{n}": f"BLEU-{n}" for n in (2, 3, 4, 5)},
        **{f"self_bleu_{n}": f"Self-BLEU-{n}" for n in (2, 3, 4, 5)},
        **{f"distinct_{n}": f"distinct-{n}" for n in (1, 2, 3)},
        "optimum_share": "share of optimum",
        "kl_soft": "KL(agent‖soft optimum)",
        validated("nll"): "NLL_validation",
        **{validated(f"bleu_{n}"): f"validation BLEU-{n}" for n in (2, 3, 4, 5)},
    }
)
NATS = frozenset({"nll_oracle", "nll_test", "kl_forward", "kl_reverse", "entropy", validated("nll")})


def title(measure: str) -> str:
    """The heading of its column."""
    return TITLES.get(measure, measure)


def unit(measure: str, return_unit: str = "") -> str:
    """In words; "" for one that is not known here."""
    if measure == RETURN:
        return return_unit
    if measure in NATS:
        return "nats a token"
    if measure == "kl_soft":
        return "nats a text"
    if measure == "optimum_share":
        return "expected return over the most that can be expected"
    return "share in [0, 1]" if measure in TITLES else ""


def digits(measure: str) -> int:
    """Decimals in a table."""
    return {RETURN: 2, "optimum_share": 4, "kl_soft": 4}.get(measure, 3)
