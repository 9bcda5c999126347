"""The discriminator as a reward: what it learns and pays. What it shares with others that learn is in test_learned."""

import numpy as np
import pytest
import torch

from support.rising_task import SMALL, RisingTask, written
from textgen_env.rewards.discriminator import DiscriminatorReward


def bound(task=None, **kwargs):
    return DiscriminatorReward(**{**SMALL, **kwargs}).bind(task or RisingTask())


def accuracy(reward, seed=99):
    real, fake = RisingTask().real, written(500, seed)
    return (np.mean(reward.score(*real[:2]) > 0.5) + np.mean(reward.score(*fake[:2]) < 0.5)) / 2


def test_it_learns_to_tell_real_from_written_with_no_extra_code():
    reward = bound(learning_rate=5e-3, embedding_size=16, counts=[16, 16])
    untrained = accuracy(reward)
    for step in range(40):
        fake = written(32, step)
        reward.episodes_ended(fake.tokens, fake.lengths)
    trained = accuracy(reward)
    print(f"accuracy untrained {untrained:.3f}, after {reward.discriminator.steps_taken} updates {trained:.3f}")
    assert reward.discriminator.steps_taken == 40 * 2 * reward.steps
    assert untrained < 0.7
    assert trained > 0.95
    assert reward.last_update["accuracy"] > 0.8
    assert reward.last_update["loss"] < 0.5


def test_one_update_is_one_adam_step_on_the_written_out_loss():
    reward = bound(RisingTask(count=8), steps=1, dropout=0.0, l2=0.2, learning_rate=1e-3)
    fake = written(8)
    expected = bound(RisingTask(count=8), dropout=0.0).discriminator.network
    optimizer = torch.optim.Adam(expected.parameters(), lr=1e-3)
    d_real = expected(torch.from_numpy(RisingTask(count=8).real.tokens)).sigmoid()
    d_fake = expected(torch.from_numpy(fake.tokens)).sigmoid()
    cross_entropy = -(d_real.log().sum() + (1 - d_fake).log().sum()) / 16
    output = torch.cat([expected.output.weight.flatten(), expected.output.bias])
    optimizer.zero_grad()
    (cross_entropy + 0.2 * 0.5 * 2 * (output / 2).square().sum()).backward()
    optimizer.step()

    metrics = reward.update(fake)
    assert metrics["loss"] == pytest.approx(cross_entropy.item(), abs=1e-6)
    correct = (d_real > 0.5).sum() + (d_fake < 0.5).sum()
    assert metrics["accuracy"] == pytest.approx(correct.item() / 16)
    for name, parameter in expected.named_parameters():
        ours = reward.discriminator.network.get_parameter(name)
        # Adam's first step has the size of the rate whatever the gradient's: one that is rounding noise may differ.
        assert torch.isclose(ours, parameter, atol=1e-6).double().mean() > 0.99, name


def test_probability_is_the_sigmoid_of_the_log_odds():
    probability, log_odds, fake = bound(), bound(output="log_odds"), written(30)
    for reward in (probability, log_odds):
        reward.update(fake)
    logits = log_odds.score(*fake[:2])
    d = probability.score(*fake[:2])
    assert logits.dtype == d.dtype == np.float64
    np.testing.assert_allclose(d, 1 / (1 + np.exp(-logits)), rtol=1e-14)
    np.testing.assert_allclose(np.log(d) - np.log(1 - d), logits, rtol=1e-9)
    assert list(probability.terms(*fake[:2])) == ["discriminator"]


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"output": "logit"}, ValueError, "output='logit' must be one of 'probability', 'log_odds'"),
        ({"l2": -0.1}, ValueError, "l2=-0.1"),
        ({"l2": "0.2"}, TypeError, "l2='0.2'"),
    ],
)
def test_wrong_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        DiscriminatorReward(**kwargs)


@pytest.mark.parametrize("output", ["probability", "log_odds"])
def test_a_text_alone_is_paid_as_among_others(output):
    reward = bound(output=output, columns=2)
    tokens, lengths, _ = written(40)
    found = [reward.score_one(text, int(length), None) for text, length in zip(tokens, lengths, strict=True)]
    if None not in found:
        np.testing.assert_allclose(found, reward.score(tokens, lengths), atol=1e-5)
    # Where e^x is beyond all numbers.
    for sign in (1, -1):
        with torch.no_grad():
            reward.discriminator.network.output.bias[1] = 2000.0 * sign
        expected = reward.score(tokens[:1], lengths[:1])[0]
        found = reward.score_one(tokens[0], int(lengths[0]), None)
        assert found is None or found == pytest.approx(expected, rel=1e-6)
