"""The features extractor reads the prefix, and the source before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from textgen_env.sb3 import PrefixFeatures


def features_one_by_one(extractor: PrefixFeatures, name: str, ids: list[int], state: Any = None) -> Any:
    """The GRU's state after `ids`, read alone; a blank where there are none."""
    reader = extractor.readers[name]
    tokens = torch.tensor(ids or [reader.blank])
    return reader.rnn(reader.embedding(tokens).unsqueeze(1), state)[1]


@pytest.mark.parametrize("lengths", [[0, 0, 0], [3, 3, 3], [0, 5, 2], [5, 1, 0]])
def test_features_are_the_state_after_the_prefix(lengths: list[int]) -> None:
    space = spaces.Box(0, 7, (5,), np.int64)
    extractor = PrefixFeatures(space, embedding_size=4, hidden_size=6)
    assert extractor.features_dim == 6
    rng = np.random.default_rng(0)
    prefixes = [rng.integers(7, size=length).tolist() for length in lengths]
    padded = torch.tensor([[*prefix, *[7] * (5 - len(prefix))] for prefix in prefixes])
    features = extractor(padded.float())
    assert features.shape == (3, 6)
    alone = torch.cat([features_one_by_one(extractor, "tokens", prefix)[0] for prefix in prefixes])
    torch.testing.assert_close(features, alone)
    torch.testing.assert_close(extractor(padded.int()), features)
    features.sum().backward()
    assert all(parameter.grad is not None for parameter in extractor.parameters())


def test_features_go_on_from_the_source() -> None:
    space = spaces.Dict(source=spaces.Box(0, 3, (2,), np.int64), tokens=spaces.Box(0, 7, (4,), np.int64))
    extractor = PrefixFeatures(space, 4, 6)
    sources, prefixes = [[1, 2], [0], [2]], [[], [1, 5, 6], [4]]
    features = extractor(
        {
            "source": torch.tensor([[*source, *[3] * (2 - len(source))] for source in sources]).float(),
            "tokens": torch.tensor([[*prefix, *[7] * (4 - len(prefix))] for prefix in prefixes]).float(),
        }
    )
    for source, prefix, feature in zip(sources, prefixes, features, strict=True):
        state = features_one_by_one(extractor, "source", source)
        torch.testing.assert_close(feature, features_one_by_one(extractor, "tokens", prefix, state)[0, 0])
    assert len(set(map(tuple, features.tolist()))) == 3


def test_features_refuse_other_spaces() -> None:
    tokens = spaces.Box(0, 7, (5,), np.int64)
    for space in (spaces.Discrete(3), spaces.Box(0, 1, (5,), np.float32), spaces.Box(0, 7, (5, 2), np.int64)):
        with pytest.raises(TypeError, match="observation_space"):
            PrefixFeatures(space)
    with pytest.raises(TypeError, match="must be Box"):
        PrefixFeatures(spaces.Dict(source=tokens, prefix=tokens))
    with pytest.raises(ValueError, match="float32"):
        PrefixFeatures(spaces.Box(0, 2**24, (5,), np.int64))
    with pytest.raises(ValueError, match="hidden_size=0"):
        PrefixFeatures(tokens, hidden_size=0)
