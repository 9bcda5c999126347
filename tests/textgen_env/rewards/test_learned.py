"""Rewards that learn: deterministically, at the end of an episode only, losing nothing when they cannot."""

import numpy as np
import pytest
import torch

from support.rising_task import MAX_LENGTH, SMALL, VOCAB_SIZE, RisingTask, assert_same_state, written
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.rewards.ranker import RankerReward
from textgen_env.tasks.base import BaseTask, SourceTable
from textgen_env.text_checks import checked_texts
from textgen_env.vocabulary import Texts, Vocabulary


@pytest.fixture(params=[DiscriminatorReward, RankerReward])
def reward_class(request):
    return request.param


@pytest.fixture
def bound(reward_class):
    """Makes a reward and binds it."""

    def make(task=None, **kwargs):
        return reward_class(**{**SMALL, **kwargs}).bind(task or RisingTask())

    return make


def test_the_same_texts_make_the_same_weights_however_they_arrive(bound):
    fake = written(70)
    together, singly, other_seed = bound(), bound(), bound(seed=1)
    for reward in (together, other_seed):
        reward.episodes_ended(fake.tokens, fake.lengths)
    for row in range(70):
        singly.episodes_ended(fake.tokens[row : row + 1], fake.lengths[row : row + 1])
    assert_same_state(together.state_dict(), singly.state_dict())
    assert together.learner.steps_taken == 4 * together.steps
    assert len(together.state_dict()["fresh"]) == 70 - 4 * 16
    assert not np.array_equal(together.score(*fake[:2]), other_seed.score(*fake[:2]))


def told_alone(reward, tokens, lengths):
    """Tells of texts one by one, by the short way where there is one."""
    taken = 0
    for text, length in zip(checked_texts(tokens, lengths, RisingTask())[0], lengths, strict=True):
        gathered = reward.episode_ended(text)
        taken += gathered
        text[:] = 0 if gathered else text
        if not gathered:
            reward.episodes_ended(text[None], np.array([length]))
    return taken


def test_a_text_told_alone_is_gathered_as_among_others(bound):
    fake, later = written(70), written(50, 1)
    together, alone, resumed = bound(), bound(), bound()
    together.episodes_ended(fake.tokens, fake.lengths)
    assert told_alone(alone, *fake[:2]) == 70 - 70 // alone.update_every
    assert_same_state(together.state_dict(), alone.state_dict())
    # In the middle, what was told alone is saved; then both ways in turn.
    resumed.load_state_dict(alone.state_dict())
    for reward in (together, alone, resumed):
        reward.episodes_ended(later.tokens[:3], later.lengths[:3])
    for reward in (alone, resumed):
        told_alone(reward, later.tokens[3:], later.lengths[3:])
    together.episodes_ended(later.tokens[3:], later.lengths[3:])
    assert_same_state(together.state_dict(), alone.state_dict())
    assert_same_state(together.state_dict(), resumed.state_dict())
    silent = bound(auto_update=False)
    before = silent.state_dict()
    assert told_alone(silent, *fake[:2]) == 70
    assert_same_state(silent.state_dict(), before)


def test_what_was_told_alone_outlives_an_update_that_fails(bound):
    reward, fake = bound(learning_rate=1e25), written(16)
    assert told_alone(reward, fake.tokens[:15], fake.lengths[:15]) == 15
    before = reward.state_dict()
    assert len(before["fresh"]) == 15
    with pytest.raises(FloatingPointError):
        told_alone(reward, fake.tokens[15:], fake.lengths[15:])
    assert_same_state(before, reward.state_dict())


def test_it_changes_only_when_enough_texts_have_ended(bound):
    reward, fake = bound(), written(16)
    before = reward.score(*fake[:2])
    reward.episodes_ended(fake.tokens[:15], fake.lengths[:15])
    assert np.array_equal(reward.score(*fake[:2]), before)
    assert reward.last_update == {}
    reward.episodes_ended(fake.tokens[15:], fake.lengths[15:])
    assert not np.array_equal(reward.score(*fake[:2]), before)


def test_without_auto_update_only_update_learns(bound):
    reward, fake = bound(auto_update=False), written(40)
    before = reward.state_dict()
    reward.episodes_ended(fake.tokens, fake.lengths)
    assert_same_state(before, reward.state_dict())
    metrics = reward.update(fake)
    assert set(metrics) == {"loss", "accuracy"}
    twin = bound(auto_update=False)
    assert twin.update(fake.tokens) == metrics
    assert_same_state(twin.state_dict(), reward.state_dict())


def test_dropout_acts_in_learning(bound):
    with_it, without, fake = bound(dropout=0.5), bound(dropout=0.0), written(16)
    assert_same_state(with_it.state_dict(), without.state_dict())
    assert with_it.update(fake) != without.update(fake)


@pytest.mark.parametrize(
    ("reward_class", "kwargs"),
    [(DiscriminatorReward, {"output": "log_odds", "l2": 0.0}), (RankerReward, {"gamma": 10.0})],
)
def test_scores_are_those_of_the_text_alone(bound, kwargs):
    reward = bound(**kwargs, learning_rate=1e-2, steps=20)
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


def test_binding_gives_each_its_own_network(reward_class):
    unbound = reward_class(**SMALL)
    first, second, fake = unbound.bind(RisingTask()), unbound.bind(RisingTask()), written(64)
    before = second.score(*fake[:2])
    first.episodes_ended(fake.tokens, fake.lengths)
    assert np.array_equal(second.score(*fake[:2]), before)
    assert first.bind(RisingTask()) is first
    assert_same_state(unbound.bind(RisingTask()).state_dict(), second.state_dict())
    with pytest.raises(RuntimeError, match="call bind"):
        unbound.score(*fake[:2])
    with pytest.raises(RuntimeError, match="call bind"):
        unbound.state_dict()


def test_the_global_random_state_is_left_alone(bound):
    before = torch.get_rng_state()
    reward, fake = bound(), written(64)
    reward.episodes_ended(fake.tokens, fake.lengths)
    reward.score(*fake[:2])
    reward.load_state_dict(reward.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("file_format", ["safetensors", "torch"])
def test_a_saved_reward_goes_on_bit_for_bit(bound, tmp_path, file_format):
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
    resumed = bound(seed=5)
    resumed.load_state_dict(state)
    assert_same_state(resumed.state_dict(), reward.state_dict())
    for each in (reward, resumed):
        each.episodes_ended(later.tokens, later.lengths)
    assert_same_state(resumed.state_dict(), reward.state_dict())
    assert resumed.last_update == reward.last_update
    assert np.array_equal(resumed.score(*later[:2]), reward.score(*later[:2]))


def test_a_snapshot_does_not_follow_the_learning(bound):
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
        (lambda s: s.pop("network.gate.weight"), "missing entries.*network.gate.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), "unknown entries.*extra"),
        (lambda s: s.update({"network.gate.weight": torch.zeros(1, 3)}), r"shape \(1, 3\), expected \(16, 16\)"),
        (lambda s: s.update({"network.gate.bias": torch.full((16,), torch.nan)}), "gate.bias' is not finite"),
        (lambda s: s.update({"network.gate.bias": torch.zeros(1).double()}), "is torch.float64, expected"),
        (lambda s: s.update({"network.gate.bias": [0.0]}), "is list, expected"),
        (lambda s: s.update(generator=torch.zeros_like(s["generator"])), "'generator' is no state"),
        (lambda s: s.update(fresh=torch.full((1, MAX_LENGTH), 77)), "allowed are the ids"),
        (lambda s: s.update(fresh=torch.zeros((1, 3), dtype=torch.int64)), r"shape \(1, 3\)"),
        (lambda s: s.update(fresh=torch.tensor(0)), r"shape \(\)"),
    ],
)
def test_a_wrong_state_is_refused_and_changes_nothing(bound, change, message):
    reward, fake = bound(), written(20)
    reward.episodes_ended(fake.tokens, fake.lengths)
    before, state = reward.state_dict(), bound(seed=9).state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        reward.load_state_dict(state)
    assert_same_state(before, reward.state_dict())


def test_a_loss_that_is_not_finite_is_refused_and_changes_nothing(bound):
    reward, fake = bound(learning_rate=1e25), written(16)
    before = reward.state_dict()
    with pytest.raises(FloatingPointError, match=r"(loss is|not finite).* at update \d+; .*lower learning_rate=1e\+25"):
        reward.update(fake)
    assert_same_state(before, reward.state_dict())
    with pytest.raises(FloatingPointError):
        reward.episodes_ended(fake.tokens, fake.lengths)
    assert_same_state(before, reward.state_dict())
    last_step = bound(learning_rate=1e39, steps=1)  # its loss is finite, the weights that it makes are not
    untouched = last_step.state_dict()
    with pytest.raises(FloatingPointError, match="a weight is not finite"):
        last_step.update(fake)
    assert_same_state(untouched, last_step.state_dict())
    with torch.no_grad():
        reward.learner.network.gate.bias.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="loss is nan at update 1;"):
        reward.update(fake)


def test_an_interrupted_update_changes_nothing(bound, monkeypatch):
    reward, fake = bound(), written(30)
    reward.update(fake)
    before, step, calls = reward.state_dict(), reward.learner.optimizer.step, []

    def interrupted():
        calls.append(step())
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(reward.learner.optimizer, "step", interrupted)
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
def test_wrong_texts(bound, tokens, error, message):
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


def test_tasks_it_cannot_serve(bound):
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
    with pytest.raises(ValueError, match=r"widths=.*wider than a text of 6 tokens"):
        bound(widths=[7], counts=[2])


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"auto_update": 1}, TypeError, "auto_update=1"),
        ({"update_every": 0}, ValueError, "update_every=0"),
        ({"steps": 1.5}, TypeError, "steps=1.5"),
        ({"batch_size": 7}, ValueError, "batch_size=7 must be even"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate=0.0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate=nan"),
        ({"learning_rate": "1e-3"}, TypeError, "learning_rate='1e-3'"),
        ({"widths": [0, 1]}, ValueError, "widths="),
        ({"widths": [1, 2, 3]}, ValueError, "widths=.*counts=.*equally long"),
        ({"counts": 3}, TypeError, "counts=3"),
        ({"dropout": 1.0}, ValueError, "dropout=1.0"),
        ({"embedding_size": 0}, ValueError, "embedding_size=0"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"device": "abacus"}, ValueError, "device='abacus'"),
        ({"device": 3.5}, TypeError, "device=3.5"),
    ],
)
def test_wrong_arguments(reward_class, kwargs, error, message):
    with pytest.raises(error, match=message):
        reward_class(**kwargs)
