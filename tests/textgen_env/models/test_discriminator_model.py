"""Discriminator: its scores of many texts and a round of updates, against plain torch."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.nn import functional

from textgen_env.kernels import SWITCH
from textgen_env.models import learner as module
from textgen_env.models.discriminator import Discriminator
from textgen_env.models.text_cnn import TextCNN, TextCNNConfig

VOCAB_SIZE, MAX_LENGTH = 40, 12
SMALL = TextCNNConfig(16, (1, 2, 3, 5, 12), (20, 30, 20, 10, 10), 0.25)


def made(config=SMALL, **kwargs):
    generator = torch.Generator().manual_seed(0)
    network = TextCNN(VOCAB_SIZE, MAX_LENGTH, config, generator)
    real = np.random.default_rng(0).integers(0, VOCAB_SIZE, (200, MAX_LENGTH))
    given = {"batch_size": 32, "learning_rate": 1e-3, "l2": 0.2, "device": "cpu"} | kwargs
    return Discriminator(network, real, generator, **given)


def plain_logits(weights, tokens, kept=1.0):
    embedded = functional.embedding(tokens, weights["embedding.weight"]).transpose(1, 2)
    names = [name for name in weights if name.startswith("convolutions") and name.endswith("weight")]
    pooled = [
        functional.conv1d(embedded, weights[name], weights[name.replace("weight", "bias")]).amax(2) for name in names
    ]
    c = torch.cat(pooled, 1).relu()
    tau = functional.linear(c, weights["gate.weight"], weights["gate.bias"]).sigmoid()
    transformed = functional.linear(c, weights["transform.weight"], weights["transform.bias"]).relu()
    features = (tau * transformed + (1 - tau) * c) * kept
    return functional.linear(features, weights["output.weight"], weights["output.bias"])[:, 0]


def roll_outs(rng, prefixes, each):
    """Texts that share beginnings and are now and then the same, in any order, some of them ended early."""
    tokens = np.repeat(rng.integers(0, VOCAB_SIZE, (prefixes, MAX_LENGTH)), each, axis=0)
    where = np.arange(MAX_LENGTH)
    fresh = where >= rng.integers(0, MAX_LENGTH + 1, len(tokens))[:, None]
    tokens = np.where(fresh, rng.integers(0, VOCAB_SIZE, tokens.shape), tokens)
    blank = where >= rng.integers(1, 3 * MAX_LENGTH, len(tokens))[:, None]
    return rng.permutation(np.where(blank, VOCAB_SIZE, tokens))


@pytest.mark.parametrize("compiled", ["0", "1"])
@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("config", [SMALL, TextCNNConfig(), TextCNNConfig.seqgan()])
def test_log_odds_of_many_texts_equal_the_plain_network(monkeypatch, compiled, scale, config):
    monkeypatch.setenv(SWITCH, compiled)
    monkeypatch.setattr(module, "READ_AT_ONCE", 1000)
    discriminator, tokens = made(config), roll_outs(np.random.default_rng(1), 40, 30)
    weights = {name: p.detach().mul_(scale) for name, p in discriminator.parameters.items()}
    expected = plain_logits({name: w.double() for name, w in weights.items()}, torch.from_numpy(tokens)).numpy()
    found = discriminator.log_odds(tokens)
    tolerance = {"atol": 1e-5 * max(1, np.abs(expected).max()), "rtol": 0}
    np.testing.assert_allclose(found, expected, **tolerance)
    np.testing.assert_allclose(discriminator.log_odds(tokens[:100]), expected[:100], **tolerance)
    assert discriminator.log_odds(tokens[:0]).shape == (0,)
    reversed_ = discriminator.log_odds(tokens[::-1])
    np.testing.assert_allclose(reversed_, expected[::-1], **tolerance)


@pytest.mark.parametrize("compiled", ["0", "1"])
def test_a_round_of_updates_equals_plain_torch(monkeypatch, compiled):
    monkeypatch.setenv(SWITCH, compiled)
    steps, half = 6, 16
    discriminator = made(learning_rate=1e-3)
    tokens = torch.from_numpy(roll_outs(np.random.default_rng(2), 10, 8))
    weights = {name: p.detach().clone().requires_grad_() for name, p in discriminator.parameters.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3, foreach=False)
    generator = torch.Generator()
    generator.set_state(discriminator.generator.get_state())

    def drawn(population):
        passes = -(-steps * half // population)
        return torch.cat([torch.randperm(population, generator=generator) for _ in range(passes)])[: steps * half]

    real, fresh = discriminator.real[drawn(200)], tokens[drawn(len(tokens))]
    losses = []
    for step in range(steps):
        batch = torch.cat([texts[step * half : (step + 1) * half] for texts in (real, fresh)])
        kept = (torch.rand((2 * half, 90), generator=generator) >= 0.25).float() / 0.75
        is_real = (torch.arange(2 * half) < half).float()
        loss = functional.binary_cross_entropy_with_logits(plain_logits(weights, batch, kept), is_real)
        losses.append(loss.item())
        optimizer.zero_grad()
        output = torch.cat([weights["output.weight"].flatten(), weights["output.bias"]])
        (loss + 0.2 / 4 * output.square().sum()).backward()
        optimizer.step()
    metrics = discriminator.update(tokens, steps)
    assert metrics["loss"] == pytest.approx(np.mean(losses), abs=1e-5)
    for name, parameter in discriminator.parameters.items():
        # A gradient that is rounding noise moves a weight by Adam's full rate, either way.
        near = torch.isclose(parameter, weights[name], atol=1e-5)
        assert near.double().mean() > 0.99, name


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("config", [SMALL, TextCNNConfig(), TextCNNConfig.seqgan()])
def test_a_single_text_is_scored_as_among_many(config, columns):
    pytest.importorskip("numba")
    generator = torch.Generator().manual_seed(0)
    network = TextCNN(VOCAB_SIZE, MAX_LENGTH, config, generator, columns)
    discriminator = Discriminator(network, np.zeros((4, MAX_LENGTH), np.int64), generator, 4, 1e-3, 0.2, "cpu")
    tokens = roll_outs(np.random.default_rng(1), 10, 8)
    for _ in range(2):
        found = [discriminator.log_odds_one(text) for text in tokens]
        np.testing.assert_allclose(found, discriminator.log_odds(tokens), rtol=1e-6, atol=1e-5)
        # What it has learned since is seen at once, and by a copy too.
        discriminator.update(torch.from_numpy(tokens[:4]), 3)
        copied = deepcopy(discriminator)
        discriminator.update(torch.from_numpy(tokens[:4]), 3)
        np.testing.assert_allclose(copied.log_odds_one(tokens[0]), copied.log_odds(tokens[:1])[0], rtol=1e-6, atol=1e-5)
        copied.update(torch.from_numpy(tokens[:4]), 3)
        assert copied.log_odds_one(tokens[0]) == discriminator.log_odds_one(tokens[0])


def test_a_single_text_without_an_answer_is_left_to_torch(monkeypatch):
    discriminator, text = made(), roll_outs(np.random.default_rng(1), 1, 1)[0]
    if discriminator.log_odds_one(text) is None:
        pytest.skip("there are no compiled loops")
    discriminator.network.double()
    assert discriminator.log_odds_one(text) is None
    assert np.isfinite(discriminator.log_odds(text[None])).all()
    discriminator.network.float()
    assert discriminator.log_odds_one(text) == pytest.approx(discriminator.log_odds(text[None])[0], abs=1e-5)
    with torch.no_grad():
        discriminator.network.embedding.weight[text[0]] = torch.nan
    assert discriminator.log_odds_one(text) is None
    monkeypatch.setenv(SWITCH, "0")
    assert made().log_odds_one(text) is None
