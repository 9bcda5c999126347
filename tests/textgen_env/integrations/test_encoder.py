"""TokenEncoder: an embedding of every form that observations have."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest
import torch

from textgen_env import wrappers
from textgen_env.integrations.encoder import TokenEncoder


def test_each_place_is_the_embedding_of_its_token() -> None:
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=3)
    encoder = TokenEncoder(envs.single_observation_space, 6)
    observations = envs.reset(seed=0)[0]
    observations, *_ = envs.step([1, 2, 3])
    seen = encoder(observations)
    assert seen.shape == (3, encoder.out_features) == (3, 5 * 6)
    table = encoder.tables[0].weight
    assert table.shape == (5, 6)
    torch.testing.assert_close(seen.reshape(3, 5, 6)[:, 0], table[torch.tensor([1, 2, 3])])
    torch.testing.assert_close(seen.reshape(3, 5, 6)[:, 1:], table[4].expand(3, 4, 6))
    torch.testing.assert_close(encoder(torch.as_tensor(observations).float()), seen)
    torch.testing.assert_close(encoder(observations[0]), seen[0])


def test_source_and_tokens_have_a_table_each_whatever_their_form(echo_task: Any) -> None:
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2, task=echo_task, reward="constant")
    as_dict = TokenEncoder(envs.single_observation_space, 3)
    flat_envs = wrappers.vector.MultiDiscreteObservation(envs)
    flat = TokenEncoder(flat_envs.single_observation_space, 3)
    flat.load_state_dict(as_dict.state_dict())
    assert [table.weight.shape for table in flat.tables] == [(4, 3), (5, 3)]
    seen = envs.reset(seed=0)[0]
    joined = flat_envs.reset(seed=0)[0]
    torch.testing.assert_close(as_dict(seen), flat(joined))
    beside = TokenEncoder(envs.single_observation_space, 3, flattened=True)
    beside.load_state_dict(as_dict.state_dict())
    torch.testing.assert_close(beside(torch.as_tensor(joined).float()), flat(joined))
    assert flat(joined).shape == (2, (3 + 4) * 3)


def test_gradients_reach_the_tables() -> None:
    encoder = TokenEncoder(gymnasium.make("TextGen-Tiny-v0").observation_space, 2)
    encoder(torch.tensor([[0, 1, 4, 4, 4]])).sum().backward()
    assert (encoder.tables[0].weight.grad[:, 0] == torch.tensor([1.0, 1.0, 0.0, 0.0, 3.0])).all()


def test_other_spaces_are_refused() -> None:
    with pytest.raises(TypeError, match="single_observation_space"):
        TokenEncoder(gymnasium.make("CartPole-v1").observation_space)
    with pytest.raises(TypeError, match="single_observation_space"):
        TokenEncoder(gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2).observation_space)
