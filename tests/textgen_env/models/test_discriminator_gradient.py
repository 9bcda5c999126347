"""Gradients of a discriminator by hand: those that torch records."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from textgen_env.kernels import kernels
from textgen_env.models.discriminator import Discriminator
from textgen_env.models.learner import TextLearner
from textgen_env.models.text_cnn import TextCNN, TextCNNConfig

pytestmark = pytest.mark.skipif(kernels("convolution") is None, reason="Numba is not installed")


def discriminator(
    columns: Literal[1, 2] = 1, l2: float = 0.2, dropout: float = 0.25, batch_size: int = 12
) -> Discriminator:
    config = TextCNNConfig(embedding_size=5, widths=(1, 2, 4), counts=(6, 3, 4), dropout=dropout)
    network = TextCNN(9, 6, config, torch.Generator().manual_seed(1), columns)
    real = np.random.default_rng(0).integers(10, size=(30, 6))
    generator = torch.Generator().manual_seed(2)
    return Discriminator(network, real, generator, batch_size, 1e-2, l2, "cpu")


def gradients(learner: Discriminator) -> dict[str, torch.Tensor]:
    found = {name: parameter.grad for name, parameter in learner.parameters.items()}
    return {name: each.clone() for name, each in found.items() if each is not None}


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize(("l2", "dropout"), [(0.0, 0.0), (0.2, 0.25), (3.0, 0.5)])
def test_they_are_those_that_torch_records(columns: Literal[1, 2], l2: float, dropout: float) -> None:
    by_hand, recorded = (discriminator(columns, l2, dropout) for _ in range(2))
    texts = torch.from_numpy(np.random.default_rng(3).integers(10, size=(6, 6)))
    ours = by_hand.differentiate(by_hand.real[:6], texts)
    theirs = TextLearner.differentiate(recorded, recorded.real[:6], texts)
    assert ours == pytest.approx(theirs, rel=1e-6)
    expected = gradients(recorded)
    assert gradients(by_hand).keys() == expected.keys() == by_hand.parameters.keys()
    for name, gradient in gradients(by_hand).items():
        assert gradient.shape == expected[name].shape
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-7)
    assert torch.equal(by_hand.generator.get_state(), recorded.generator.get_state())
    assert any(bool((gradient != 0).any()) for gradient in expected.values())


def test_updates_go_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand, recorded = discriminator(), discriminator()
    monkeypatch.setattr(recorded, "differentiate", lambda *texts: TextLearner.differentiate(recorded, *texts))
    texts = torch.from_numpy(np.random.default_rng(3).integers(10, size=(40, 6)))
    for _ in range(5):
        one, other = by_hand.update(texts, 4), recorded.update(texts, 4)
        assert one == pytest.approx(other, rel=1e-4)
    tokens = np.random.default_rng(4).integers(10, size=(20, 6))
    np.testing.assert_allclose(by_hand.log_odds(tokens), recorded.log_odds(tokens), rtol=1e-3, atol=1e-4)


def test_a_loss_that_is_not_finite_is_refused_and_nothing_is_learned() -> None:
    learner = discriminator()
    with torch.no_grad():
        learner.network.output.bias.fill_(float("nan"))
    before = {name: parameter.detach().clone() for name, parameter in learner.parameters.items()}
    with pytest.raises(FloatingPointError, match="discriminator: the loss is nan at update 1"):
        learner.update(learner.real[:8], 2)
    for name, parameter in learner.parameters.items():
        torch.testing.assert_close(parameter.detach(), before[name], equal_nan=True)


def test_what_it_leaves_is_its_own_memory() -> None:
    learner = discriminator()
    learner.differentiate(learner.real[:6], learner.real[6:12])
    first = gradients(learner)
    kept = {name: parameter.grad for name, parameter in learner.parameters.items()}
    learner.differentiate(learner.real[12:18], learner.real[18:24])
    for name, gradient in kept.items():
        assert gradient is not None
        assert torch.equal(gradient, first[name])
