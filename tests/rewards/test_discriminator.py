"""The discriminator as a reward: it learns, deterministically, and loses nothing when it cannot."""

import numpy as np
import pytest
import torch

from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.tasks.base import BaseTask, SourceTable, pad
from textgen_env.vocabulary import Texts, Vocabulary

VOCAB_SIZE, MAX_LENGTH = 20, 6
SMALL = {"d_embedding_size": 8, "d_widths": [1, 2], "d_counts": [8, 8], "update_every": 16, "d_batch_size": 16}


class RisingTask(BaseTask):
    """Real texts count upwards and then end; token 0 is the end."""

    def __init__(self, count=500, sources=None):
        self.vocabulary = Vocabulary([str(i) for i in range(VOCAB_SIZE)], eos="0")
        self.max_length = MAX_LENGTH
        self.sources = sources
        rng = np.random.default_rng(0)
        starts = rng.integers(1, VOCAB_SIZE - MAX_LENGTH, count)
        stops = rng.integers(2, MAX_LENGTH, count)
        self.real = pad([[*range(a, a + n), 0] for a, n in zip(starts, stops, strict=True)], MAX_LENGTH, VOCAB_SIZE)

    def training_sequences(self):
        return self.real


def written(count, seed=0):
    rng = np.random.default_rng(seed)
    rows = [[*rng.integers(1, VOCAB_SIZE, n), 0] for n in rng.integers(2, MAX_LENGTH, count)]
    return pad(rows, MAX_LENGTH, VOCAB_SIZE)


def bound(task=None, **kwargs):
    return DiscriminatorReward(**{**SMALL, **kwargs}).bind(task or RisingTask())


def assert_same_state(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def accuracy(reward, seed=99):
    real, fake = RisingTask().real, written(500, seed)
    return (np.mean(reward.score(*real[:2]) > 0.5) + np.mean(reward.score(*fake[:2]) < 0.5)) / 2


def test_it_learns_to_tell_real_from_written_with_no_extra_code():
    reward = bound(d_learning_rate=5e-3, d_embedding_size=16, d_counts=[16, 16])
    untrained = accuracy(reward)
    for step in range(40):
        fake = written(32, step)
        reward.episodes_ended(fake.tokens, fake.lengths)
    trained = accuracy(reward)
    print(f"accuracy untrained {untrained:.3f}, after {reward.discriminator.steps_taken} updates {trained:.3f}")
    assert reward.discriminator.steps_taken == 40 * 2 * reward.d_steps
    assert untrained < 0.7
    assert trained > 0.95
    assert reward.last_update["accuracy"] > 0.8
    assert reward.last_update["loss"] < 0.5


def test_one_update_is_one_adam_step_on_the_written_out_loss():
    reward = bound(RisingTask(count=8), d_steps=1, d_dropout=0.0, d_l2=0.2, d_learning_rate=1e-3)
    fake = written(8)
    expected = bound(RisingTask(count=8), d_dropout=0.0).discriminator.network
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


def test_the_same_texts_make_the_same_weights_however_they_arrive():
    fake = written(70)
    together, singly, other_seed = bound(), bound(), bound(discriminator_seed=1)
    for reward in (together, other_seed):
        reward.episodes_ended(fake.tokens, fake.lengths)
    for row in range(70):
        singly.episodes_ended(fake.tokens[row : row + 1], fake.lengths[row : row + 1])
    assert_same_state(together.state_dict(), singly.state_dict())
    assert together.discriminator.steps_taken == 4 * together.d_steps
    assert len(together.state_dict()["fresh"]) == 70 - 4 * 16
    assert not np.array_equal(together.score(*fake[:2]), other_seed.score(*fake[:2]))


def test_it_changes_only_when_enough_texts_have_ended():
    reward, fake = bound(), written(16)
    before = reward.score(*fake[:2])
    reward.episodes_ended(fake.tokens[:15], fake.lengths[:15])
    assert np.array_equal(reward.score(*fake[:2]), before)
    assert reward.last_update == {}
    reward.episodes_ended(fake.tokens[15:], fake.lengths[15:])
    assert not np.array_equal(reward.score(*fake[:2]), before)


def test_without_auto_update_only_update_learns():
    reward, fake = bound(auto_update=False), written(40)
    before = reward.state_dict()
    reward.episodes_ended(fake.tokens, fake.lengths)
    assert_same_state(before, reward.state_dict())
    metrics = reward.update(fake)
    assert set(metrics) == {"loss", "accuracy"}
    twin = bound(auto_update=False)
    assert twin.update(fake.tokens) == metrics
    assert_same_state(twin.state_dict(), reward.state_dict())


def test_dropout_acts_in_learning():
    with_it, without, fake = bound(d_dropout=0.5), bound(d_dropout=0.0), written(16)
    assert_same_state(with_it.state_dict(), without.state_dict())
    assert with_it.update(fake) != without.update(fake)


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


def test_scores_are_those_of_the_text_alone():
    reward = bound(output="log_odds", d_l2=0.0, d_learning_rate=1e-2, d_steps=20)
    for seed in range(10):
        reward.update(written(64, seed))
    fake = written(1200)  # more than go through the network together
    scores = reward.score(*fake[:2])
    assert np.abs(scores).max() > 5
    assert np.array_equal(reward.score(*fake[:2]), scores)
    alone = np.concatenate([reward.score(fake.tokens[i : i + 1], fake.lengths[i : i + 1]) for i in range(1200)])
    np.testing.assert_allclose(alone, scores, atol=1e-5, rtol=0)
    assert reward.score(fake.tokens[:0], fake.lengths[:0]).shape == (0,)
    # The state of dense payment holds the same scores, for prefixes too.
    shorter = np.maximum(fake.lengths - 1, 0)
    prefixes = np.where(np.arange(MAX_LENGTH) < shorter[:, None], fake.tokens, VOCAB_SIZE)
    np.testing.assert_allclose(reward.score(fake.tokens, shorter), reward.score(prefixes, shorter), atol=1e-12)
    np.testing.assert_allclose(reward.begin(prefixes, shorter)["total"], reward.score(prefixes, shorter), atol=1e-5)


def test_binding_gives_each_its_own_network():
    unbound = DiscriminatorReward(**SMALL)
    first, second, fake = unbound.bind(RisingTask()), unbound.bind(RisingTask()), written(64)
    before = second.score(*fake[:2])
    first.episodes_ended(fake.tokens, fake.lengths)
    assert np.array_equal(second.score(*fake[:2]), before)
    assert_same_state(first.bind(RisingTask()).state_dict(), second.state_dict())
    with pytest.raises(RuntimeError, match="call bind"):
        unbound.score(*fake[:2])
    with pytest.raises(RuntimeError, match="call bind"):
        unbound.state_dict()


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    reward, fake = bound(), written(64)
    reward.episodes_ended(fake.tokens, fake.lengths)
    reward.score(*fake[:2])
    reward.load_state_dict(reward.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("file_format", ["safetensors", "torch"])
def test_a_saved_reward_goes_on_bit_for_bit(tmp_path, file_format):
    path = tmp_path / "reward"
    reward, fake, later = bound(), written(40), written(60, 1)
    reward.episodes_ended(fake.tokens, fake.lengths)
    if file_format == "safetensors":
        safetensors = pytest.importorskip("safetensors.torch")
        safetensors.save_file(reward.state_dict(), path)
        state = safetensors.load_file(path)
    else:
        torch.save(reward.state_dict(), path)
        state = torch.load(path, weights_only=True)
    resumed = bound(discriminator_seed=5)
    resumed.load_state_dict(state)
    assert_same_state(resumed.state_dict(), reward.state_dict())
    for each in (reward, resumed):
        each.episodes_ended(later.tokens, later.lengths)
    assert_same_state(resumed.state_dict(), reward.state_dict())
    assert resumed.last_update == reward.last_update
    assert np.array_equal(resumed.score(*later[:2]), reward.score(*later[:2]))


def test_a_snapshot_does_not_follow_the_learning():
    reward, fake = bound(), written(20)
    state = reward.state_dict()
    kept = {name: tensor.clone() for name, tensor in state.items()}
    reward.episodes_ended(fake.tokens, fake.lengths)
    assert_same_state(state, kept)
    reward.load_state_dict(state)
    reward.episodes_ended(fake.tokens, fake.lengths)
    assert_same_state(state, kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("network.output.weight"), "missing entries.*network.output.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), "unknown entries.*extra"),
        (lambda s: s.update({"network.output.weight": torch.zeros(1, 3)}), r"shape \(1, 3\), expected \(1, 16\)"),
        (lambda s: s.update({"network.output.bias": torch.tensor([torch.nan])}), "output.bias' is not finite"),
        (lambda s: s.update({"network.output.bias": torch.zeros(1).double()}), "is torch.float64, expected"),
        (lambda s: s.update({"network.output.bias": [0.0]}), "is list, expected"),
        (lambda s: s.update(generator=torch.zeros_like(s["generator"])), "'generator' is no state"),
        (lambda s: s.update(fresh=torch.full((1, MAX_LENGTH), 77)), "allowed are the ids"),
        (lambda s: s.update(fresh=torch.zeros((1, 3), dtype=torch.int64)), r"shape \(1, 3\)"),
        (lambda s: s.update(fresh=torch.tensor(0)), r"shape \(\)"),
    ],
)
def test_a_wrong_state_is_refused_and_changes_nothing(change, message):
    reward, fake = bound(), written(20)
    reward.episodes_ended(fake.tokens, fake.lengths)
    before, state = reward.state_dict(), bound(discriminator_seed=9).state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        reward.load_state_dict(state)
    assert_same_state(before, reward.state_dict())


def test_a_loss_that_is_not_finite_is_refused_and_changes_nothing():
    reward, fake = bound(d_learning_rate=1e25), written(16)
    before = reward.state_dict()
    with pytest.raises(
        FloatingPointError, match=r"(loss is|not finite).* at update \d+; .*lower d_learning_rate=1e\+25"
    ):
        reward.update(fake)
    assert_same_state(before, reward.state_dict())
    with pytest.raises(FloatingPointError):
        reward.episodes_ended(fake.tokens, fake.lengths)
    after = reward.state_dict()
    assert np.array_equal(after.pop("fresh").numpy(), fake.tokens)
    before.pop("fresh")
    assert_same_state(before, after)
    last_step = bound(d_learning_rate=1e39, d_steps=1)  # its loss is finite, the weights that it makes are not
    untouched = last_step.state_dict()
    with pytest.raises(FloatingPointError, match="a weight is not finite"):
        last_step.update(fake)
    assert_same_state(untouched, last_step.state_dict())
    with torch.no_grad():
        reward.discriminator.network.output.bias.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="loss is nan at update 1;"):
        reward.update(fake)


def test_an_interrupted_update_changes_nothing(monkeypatch):
    reward, fake = bound(), written(30)
    reward.update(fake)
    before, step, calls = reward.state_dict(), reward.discriminator.optimizer.step, []

    def interrupted():
        calls.append(step())
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(reward.discriminator.optimizer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reward.update(fake)
    assert_same_state(before, reward.state_dict())


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        (np.full((2, MAX_LENGTH), VOCAB_SIZE + 1), ValueError, "allowed are the ids 0 to 19"),
        (np.full((2, MAX_LENGTH), -1), ValueError, "allowed are the ids 0 to 19"),
        (np.zeros((2, MAX_LENGTH)), TypeError, "whole numbers"),
        (np.zeros(MAX_LENGTH, int), ValueError, "shape"),
        (np.zeros((2, MAX_LENGTH + 1), int), ValueError, "shape"),
    ],
)
def test_wrong_texts(tokens, error, message):
    reward = bound(update_every=1)
    lengths = np.full(len(tokens), MAX_LENGTH)
    before = reward.state_dict()
    calls = (reward.score, reward.episodes_ended, reward.update)
    for call in calls:
        with pytest.raises(error, match=message):
            call(tokens, lengths)
    with pytest.raises(ValueError, match="got no texts"):
        reward.update(written(0))
    assert_same_state(before, reward.state_dict())


def test_tasks_it_cannot_serve():
    vocabulary = Vocabulary.numbered(3)
    conditional = RisingTask(sources=SourceTable(vocabulary, np.zeros((2, 1), np.int64), np.arange(2)))
    with pytest.raises(ValueError, match="choose reward='bleu'"):
        bound(conditional)

    class Bare(BaseTask):
        pass

    task = Bare()
    task.vocabulary, task.max_length = vocabulary, 4
    with pytest.raises(ValueError, match="Bare has no training data"):
        bound(task)
    empty = RisingTask()
    empty.real = Texts(empty.real.tokens[:0], empty.real.lengths[:0])
    with pytest.raises(ValueError, match=r"training_sequences\(\) is empty"):
        bound(empty)
    with pytest.raises(ValueError, match=r"d_widths=.*wider than a text of 6 tokens"):
        bound(d_widths=[7], d_counts=[2])


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"output": "logit"}, ValueError, "output='logit' must be 'probability' or 'log_odds'"),
        ({"auto_update": 1}, TypeError, "auto_update=1"),
        ({"update_every": 0}, ValueError, "update_every=0"),
        ({"d_steps": 1.5}, TypeError, "d_steps=1.5"),
        ({"d_batch_size": 7}, ValueError, "d_batch_size=7 must be even"),
        ({"d_learning_rate": 0.0}, ValueError, "d_learning_rate=0.0"),
        ({"d_learning_rate": float("nan")}, ValueError, "d_learning_rate=nan"),
        ({"d_learning_rate": "1e-3"}, TypeError, "d_learning_rate='1e-3'"),
        ({"d_l2": -0.1}, ValueError, "d_l2=-0.1"),
        ({"d_widths": [0, 1]}, ValueError, "d_widths="),
        ({"d_widths": [1, 2, 3]}, ValueError, "d_widths=.*d_counts=.*equally long"),
        ({"d_counts": 3}, TypeError, "d_counts=3"),
        ({"d_dropout": 1.0}, ValueError, "d_dropout=1.0"),
        ({"d_embedding_size": 0}, ValueError, "d_embedding_size=0"),
        ({"discriminator_seed": -1}, ValueError, "discriminator_seed=-1"),
        ({"device": "abacus"}, ValueError, "device='abacus'"),
        ({"device": 3.5}, TypeError, "device=3.5"),
    ],
)
def test_wrong_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        DiscriminatorReward(**kwargs)
