"""RLlib: its PPO, in this process and in others, and its masks."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from support.client_scripts import curve, trained
from textgen_env import wrappers

pytest.importorskip("ray.rllib", reason="RLlib is not installed: make clients makes an environment for it")
# Libraries warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def module_of() -> Any:
    """The network that `module_spec` makes for the spaces of vector environments."""
    from textgen_env.integrations.rllib import module_spec

    def made(envs: Any, **sizes: int) -> Any:
        spec = module_spec(**sizes)
        spec.observation_space, spec.action_space = envs.single_observation_space, envs.single_action_space
        return spec.build()

    return made


def test_ppo_learns_the_oracle() -> None:
    returns = [mean for _, mean in curve("rllib_ppo", "TextGen-OracleSmall-v0", 18_000)]
    # Uniform tokens earn -72.7, with a standard error of 0.7 of a hundred texts.
    assert returns[0] < -66
    assert returns[-1] > -50


def test_ppo_plays_a_game_with_sources() -> None:
    assert len(curve("rllib_ppo", "TextGen-NumberWords-v0", 1200, 20)) > 1


def test_env_runners_of_other_processes_know_the_ids() -> None:
    means = trained("rllib_ppo", "TextGen-NumberWords-v0", 640, num_env_runners=1, max_number=9)
    assert len(means) == 5
    # Uniform tokens earn 0.081, with a standard error of 0.012 of so many texts; 0.025 with numbers of more digits.
    assert np.mean(means) > 0.05


def test_a_masked_token_has_no_probability(module_of: Any) -> None:
    import torch

    envs = gymnasium.make_vec("TextGen-NumberWords-v0", num_envs=3, max_number=99, min_length=2)
    masked = wrappers.vector.ActionMaskObservation(envs, "observations", dtype=np.float32)
    module = module_of(masked, embedding_size=4, hidden_size=8)
    seen, _ = masked.reset(seed=0)
    assert not seen["action_mask"].all()
    tensors = {
        "observations": {key: torch.as_tensor(each) for key, each in seen["observations"].items()},
        "action_mask": torch.as_tensor(seen["action_mask"]),
    }
    out = module.forward_train({"obs": tensors})
    chances = out["action_dist_inputs"].softmax(-1)
    assert (chances[tensors["action_mask"] == 0] == 0).all()
    assert (chances[tensors["action_mask"] == 1] > 0).all()
    values = module.compute_values({"obs": tensors})
    assert values.shape == (3,)
    torch.testing.assert_close(values, module.compute_values({"obs": tensors}, out["embeddings"]))


def test_the_network_has_the_sizes_that_it_was_given(module_of: Any) -> None:
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2)
    module = module_of(envs, embedding_size=3, hidden_size=7)
    assert [tuple(layer.weight.shape) for layer in module.body if hasattr(layer, "weight")] == [(7, 15), (7, 7)]
    assert tuple(module.policy.weight.shape) == (4, 7)


def test_a_wrong_size_is_named(module_of: Any) -> None:
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2)
    with pytest.raises(ValueError, match="hidden_size=0"):
        module_of(envs, hidden_size=0)
