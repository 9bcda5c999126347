"""RLlib's network: what is refused before RLlib is asked for. What it does is tested where RLlib is installed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from textgen_env.integrations.rllib import module_spec


@pytest.mark.parametrize("sizes", [{"embedding_size": 0}, {"hidden_size": -1}])
def test_a_size_below_one_is_named(sizes: dict[str, int]) -> None:
    ((name, value),) = sizes.items()
    with pytest.raises(ValueError, match=f"{name}={value} must be a whole number >= 1"):
        module_spec(**sizes)


def test_a_size_that_is_no_number_is_named() -> None:
    size: Any = 1.5
    with pytest.raises(TypeError, match=r"hidden_size=1\.5"):
        module_spec(hidden_size=size)


def test_without_rllib_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in its place makes an import fail, where RLlib is installed too.
    monkeypatch.setitem(sys.modules, "ray.rllib.core.rl_module.rl_module", None)
    with pytest.raises(ImportError, match=r'pip install "ray\[rllib\]"'):
        module_spec()
