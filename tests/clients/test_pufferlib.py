"""PufferLib: its PPO."""

from __future__ import annotations

import pytest

from support.client_scripts import curve

pytest.importorskip("pufferlib", reason="PufferLib is not installed: make clients makes an environment for it")
# Libraries warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_ppo_learns_the_oracle() -> None:
    returns = [mean for _, mean in curve("pufferlib_ppo", "TextGen-OracleSmall-v0", 18_000)]
    # Uniform tokens earn -72.7, with a standard error of 0.7 of a hundred texts.
    assert returns[0] < -66
    assert returns[-1] > -50


def test_ppo_plays_a_game_with_sources() -> None:
    assert len(curve("pufferlib_ppo", "TextGen-NumberWords-v0", 1300, 20)) > 1
