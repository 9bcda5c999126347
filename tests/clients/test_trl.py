"""TRL: GRPO with the score of an environment as its reward."""

from __future__ import annotations

import pytest

from support.client_scripts import trained

pytest.importorskip("trl", reason="trl is not installed: make clients makes an environment for it")
# Libraries warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_grpo_learns_captions() -> None:
    means = trained("trl_grpo", "TextGen-Captions-v1", 26_000)
    assert len(means) == 20
    assert sum(means[-3:]) / 3 > 1.5 * sum(means[:3]) / 3
