"""Squared errors of pitches, against loops and the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from textgen_env.metrics.pitch import squared_pitch_errors


def by_loops(pitches, lengths, references, reference_lengths) -> list[float]:
    found = []
    for own, n in zip(pitches, lengths, strict=True):
        errors = [
            (own[t] - other[t]) ** 2
            for other, m in zip(references, reference_lengths, strict=True)
            for t in range(min(n, m))
        ]
        found.append(sum(errors) / len(errors))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_each_is_compared_with_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, references = (rng.integers(21, 109, size=(rng.integers(1, 9), rng.integers(1, 7))) for _ in range(2))
    lengths = [rng.integers(1, each.shape[1] + 1, len(each)) for each in (own, references)]
    found = squared_pitch_errors(own, lengths[0], references, lengths[1])
    np.testing.assert_allclose(found, by_loops(own, lengths[0], references, lengths[1]), rtol=1e-12)


def test_the_mean_is_bias_and_both_variances() -> None:
    rng = np.random.default_rng(1)
    own, references = rng.normal(60, 3, (50, 8)), rng.normal(62, 5, (40, 8))
    found = squared_pitch_errors(own, np.full(50, 8), references, np.full(40, 8)).mean()
    expected = (own.mean(0) - references.mean(0)) ** 2 + own.var(0) + references.var(0)
    assert found == pytest.approx(expected.mean())
    # Staying on the mean pitch pays.
    middle = np.tile(references.mean(0), (1, 1))
    held = squared_pitch_errors(middle, [8], references, np.full(40, 8))
    assert held[0] == pytest.approx(references.var(0).mean())


def test_a_key_up_and_down_adds_its_square() -> None:
    assert squared_pitch_errors([[60, 62]], [2], [[61, 62], [60, 60]], [2, 2]).tolist() == [(1 + 0 + 0 + 4) / 4]
    assert squared_pitch_errors([[60, 999]], [1], [[63]], [1]).tolist() == [9.0]
    assert squared_pitch_errors(np.empty((0, 3)), [], [[60]], [1]).shape == (0,)


def test_what_are_no_melodies_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"pitches has shape \(2,\), and its lengths \(1,\); expected \(N, T\) and \(N,\)"
    ):
        squared_pitch_errors([60, 61], [2], [[60]], [1])
    with pytest.raises(ValueError, match="reference_pitches holds no melodies"):
        squared_pitch_errors([[60]], [1], np.empty((0, 1)), [])
    for bad in (0, 3):
        with pytest.raises(
            ValueError, match=rf"lengths of reference_pitches run from {bad} to {bad}; allowed are 1 to 2"
        ):
            squared_pitch_errors([[60]], [1], [[60, 61]], [bad])
