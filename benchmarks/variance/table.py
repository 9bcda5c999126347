"""Tables of the measurements: for the terminal, for pages and for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from benchmarks.report.files import csv_text, markdown_table
from benchmarks.report.table import NONE, Column, Table, table_of_texts
from benchmarks.variance.measure import FALSE_ALARM, TESTED_REPLICATES, EstimatorRow, Found, Value

# Where the room is short: bias and variance before the rest.
PRIORITIES = {
    **{"estimator": 0, "texts": 6, "tokens": 7, "bias": 2, "z": 8, "z aside": 9},
    **{"variance": 3, "at equal tokens": 4, "cosine": 5, "unbiased": 1},
}
SHOWN = tuple(Column(title, priority=priority) for title, priority in PRIORITIES.items())
COLUMNS = (
    *("policy", "estimator", "family", "texts", "replicates", "tokens", "bias", "bias_error", "z", "z_random", "p"),
    *("variance", "variance_error", "cosine", "cosine_error", "claimed_unbiased", "found_biased"),
)


def tables(found: Found, texts: tuple[int, ...] | None = None) -> list[tuple[str, Table]]:
    """For each policy its heading, and a line for each estimator; of these batch sizes, or of all."""
    made = []
    for policy in found.policies:
        rows = [row for row in found.rows if row.policy == policy.label and (texts is None or row.texts in texts)]
        heading = (
            f"{policy.label}: expected return {policy.expected_return:.2f} of {policy.optimum:.2f}, entropy "
            f"{policy.entropy:.2f} nats, length of the gradient {policy.gradient:.2f}"
        )
        made.append((heading, table_of_texts(heading, SHOWN, (_cells(found, row) for row in rows))))
    return made


def notes(found: Found) -> list[str]:
    """The columns in words."""
    return [
        f"Estimates of the gradient of the expected return in {found.game}, against the exact gradient g by dynamic "
        "programming; ± standard error over replicates.",
        "tokens: written and rolled out for an estimate. bias: of the mean along g, as a share of |g|; z: over its "
        "standard error; z aside: the greatest |z| along random directions. variance: E|g^ - E g^|^2 / |g|^2; at equal "
        "tokens: times the tokens of an estimate, in thousands. cosine: E cos(g^, g). Where rare texts earn most, few "
        "replicates show too small a variance, with too small an error. A learned baseline is fitted to the policy "
        "first, which no tokens are counted for.",
        f"unbiased: MISSED where the mean lies off, at {FALSE_ALARM:.0%} for all lines together (Bonferroni, t-test); "
        f"not tested with fewer than {TESTED_REPLICATES} replicates, whose mean is too far from normal.",
    ]


def missed(found: Found) -> list[EstimatorRow]:
    """Estimators that are claimed to be unbiased, and are not."""
    return [row for row in found.rows if row.estimator.unbiased and found.biased(row)]


def markdown(found: Found) -> str:
    """Everything, in Markdown."""
    parts = ["# Gradient estimators", *notes(found)]
    for heading, table in tables(found):
        parts += [f"## {heading}", markdown_table(table)]
    return "\n\n".join(parts) + "\n"


def csv(found: Found) -> str:
    """One line for each estimator, policy and batch size, at full precision."""
    return csv_text(COLUMNS, _lines(found))


def to_json(found: Found) -> dict[str, Any]:
    """Plain JSON values."""
    return {
        "game": found.game,
        "policies": [asdict(policy) for policy in found.policies],
        "rows": [{**asdict(row), "found_biased": found.biased(row)} for row in found.rows],
    }


def _lines(found: Found) -> Iterator[dict[str, Any]]:
    for row in found.rows:
        measured = row.found
        yield {
            "policy": row.policy,
            "estimator": row.estimator.label,
            "family": row.estimator.family,
            "texts": row.texts,
            "replicates": row.replicates,
            "tokens": row.tokens,
            "bias": measured.bias.value,
            "bias_error": measured.bias.error,
            "z": measured.z,
            "z_random": measured.z_random,
            "p": measured.p,
            "variance": measured.variance.value,
            "variance_error": measured.variance.error,
            "cosine": measured.cosine.value,
            "cosine_error": measured.cosine.error,
            "claimed_unbiased": row.estimator.unbiased,
            "found_biased": found.biased(row),
        }


def _cells(found: Found, row: EstimatorRow) -> tuple[str, ...]:
    measured = row.found
    thousands = row.tokens / 1_000
    equal = Value(measured.variance.value * thousands, measured.variance.error * thousands)
    words = {(True, True): "MISSED", (True, False): "met", (False, True): "no, not claimed", (False, False): NONE}
    biased = found.biased(row)
    return (
        row.estimator.label,
        str(row.texts),
        f"{row.tokens:.0f}",
        f"{measured.bias.value:+.1%} ± {measured.bias.error:.1%}",
        _z(measured.z, "+"),
        _z(measured.z_random),
        _shown(measured.variance),
        _shown(equal),
        f"{measured.cosine.value:.3f} ± {measured.cosine.error:.3f}",
        "not tested" if biased is None else words[row.estimator.unbiased, biased],
    )


def _z(z: float, sign: str = "") -> str:
    # Of an estimator without variance it is counted in roundings.
    return f"{z:{sign}.1f}" if abs(z) < 1e6 else f"{z:{sign}.0e}"


def _shown(value: Value) -> str:
    return f"{value.value:.3g} ± {value.error:.1g}"
