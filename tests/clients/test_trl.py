"""TRL: GRPO with the score of an environment as its reward."""

from __future__ import annotations

import pytest

from support.client_scripts import trained

pytest.importorskip("trl", reason="trl is not installed: make clients makes an environment for it")
# Libraries warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_grpo_learns_captions() -> None:
    curve = trained("trl_grpo", "TextGen-Captions-v1", 26_000)
    means = [mean for _, mean in curve]
    assert len(means) == 20
    # A batch is 64 texts of 20 tokens at most.
    assert 0.5 * 25_600 < curve[-1][0] <= 25_600
    assert sum(means[-3:]) / 3 > 1.5 * sum(means[:3]) / 3
