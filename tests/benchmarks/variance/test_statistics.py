"""Statistics of samples of a gradient whose mean is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.variance.measure import statistics


def test_statistics_of_samples_whose_law_is_known() -> None:
    rng = np.random.default_rng(0)
    exact = np.array([3.0, 0.0, 4.0, 0.0])
    spread = np.array([1.0, 2.0, 3.0, 4.0])
    directions = np.eye(4)[[1, 3]]
    fair = exact + rng.normal(size=(20_000, 4)) * spread
    found = statistics(fair, exact, directions)
    assert abs(found.variance.value - 30 / 25) < 4 * found.variance.error < 0.1
    assert found.bias.error == pytest.approx(np.sqrt((0.6 * 1) ** 2 + (0.8 * 3) ** 2) / 5 / np.sqrt(20_000), rel=0.05)
    assert abs(found.bias.value) < 4 * found.bias.error
    assert found.z == pytest.approx(found.bias.value / found.bias.error)
    assert found.p > 0.01
    norms = np.linalg.norm(fair, axis=1)
    assert found.cosine.value == pytest.approx((fair @ exact / norms / 5).mean())
    short = statistics(fair - 0.05 * exact, exact, directions)
    assert short.bias.value == pytest.approx(found.bias.value - 0.05)
    assert short.p < 1e-6
    aside = statistics(fair + np.array([0, 0.3, 0, 0]), exact, directions)
    assert abs(aside.z - found.z) < 1e-9
    assert aside.z_random == pytest.approx(0.3 / 2 * np.sqrt(20_000), rel=0.2)
    assert aside.p < 1e-6
    for samples, gradient in ((fair[:1], exact), (fair, np.zeros(4))):
        with pytest.raises(ValueError, match="needs two or more, of one above 0"):
            statistics(samples, gradient, directions)


def test_estimates_without_variance_are_off_where_they_are_off_at_all() -> None:
    exact = np.array([1.0, 0.0, 0.0])
    off = statistics(np.tile([2.0, 0, 0], (200, 1)), exact, np.eye(3))
    assert off.p == 0
    assert off.bias.value == 1
    assert np.isfinite(off.z)
    assert off.z > 1e6
    aside = statistics(np.tile([1.0, 1e-9, 0], (2, 1)), exact, np.eye(3))
    assert (aside.p, aside.z) == (0, 0)
    assert 100 < aside.z_random < np.inf
    rounded = statistics(np.tile([1 + 1e-15, 0, 0], (200, 1)), exact, np.eye(3))
    assert (rounded.p, rounded.z, rounded.z_random) == (1, 0, 0)
    # One direction without variance does not hide another's bias.
    rng = np.random.default_rng(0)
    noisy = np.stack([np.ones(200), rng.normal(1, 1, 200), np.zeros(200)], 1)
    assert 0 < statistics(noisy, exact, np.eye(3)).p < 1e-6
