"""The oracle is the LSTM that the SeqGAN experiment states, and its data are drawn from it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from support.kernel_switch import PATHS, taking
from support.language_models import oracle_arrays
from textgen_env.models.sampling import seeded_generator
from textgen_env.rewards.likelihood import LikelihoodReward
from textgen_env.tasks.oracle import OracleTask, load_oracle, random_oracle


@pytest.fixture(scope="module")
def seqgan(data_dir: Path) -> OracleTask:
    """The released oracle."""
    return OracleTask(oracle=data_dir / "seqgan_oracle.npz", train_size=10, test_size=1_000)


@pytest.fixture(scope="module")
def small() -> OracleTask:
    """V = 40, T = 8."""
    return OracleTask(vocab_size=40, max_length=8, train_size=3_000, test_size=3_000)


def log_probs_by_hand(arrays: dict[str, np.ndarray], tokens: np.ndarray) -> np.ndarray:
    """log p(x_t | x_<t) (N, T, V) in float64, as the experiment's description states the model."""
    p = {key: value.astype(np.float64) for key, value in arrays.items()}

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    hidden = cell = np.zeros((len(tokens), len(p["Ui"])))
    last = np.zeros(len(tokens), np.int64)
    steps = []
    for t in range(tokens.shape[1]):
        x = p["embeddings"][last]
        i, f, o = (sigmoid(x @ p[f"W{g}"] + hidden @ p[f"U{g}"] + p[f"b{g}"]) for g in ("i", "f", "og"))
        candidate = np.tanh(x @ p["Wc"] + hidden @ p["Uc"] + p["bc"])
        cell = f * cell + i * candidate
        hidden = o * np.tanh(cell)
        logits = hidden @ p["Wo"] + p["bo"]
        logits -= logits.max(-1, keepdims=True)
        steps.append(logits - np.log(np.exp(logits).sum(-1, keepdims=True)))
        last = tokens[:, t]
    return np.stack(steps, 1)


def mean_nll(task: OracleTask, tokens: np.ndarray) -> float:
    """Nats a token."""
    lengths = np.full(len(tokens), tokens.shape[1])
    return float(-task.log_prob(tokens, lengths).sum() / tokens.size)


def test_the_released_oracles_check_values(seqgan: OracleTask) -> None:
    assert (len(seqgan.vocabulary), seqgan.max_length) == (5_000, 20)
    # 1,000 texts: the standard error is 0.02.
    assert seqgan.entropy == pytest.approx(5.75, abs=0.06)
    uniform = np.random.default_rng(0).integers(5_000, size=(300, 20))
    assert mean_nll(seqgan, uniform) == pytest.approx(11.43, abs=0.06)
    assert mean_nll(seqgan, seqgan.greedy_sequence()[None]) == pytest.approx(2.756, abs=0.001)


def test_the_released_oracle_equals_an_lstm_by_hand(data_dir: Path) -> None:
    path = data_dir / "seqgan_oracle.npz"
    tokens = np.random.default_rng(0).integers(5_000, size=(20, 20))
    by_hand = log_probs_by_hand(dict(np.load(path, allow_pickle=False)), tokens)
    ours = torch.log_softmax(load_oracle(path)(torch.from_numpy(tokens)), -1)
    np.testing.assert_allclose(ours.numpy(), by_hand, atol=1e-4, rtol=0)


def test_a_random_oracle_equals_an_lstm_by_hand() -> None:
    model = random_oracle(50, seed=3)
    tokens = np.random.default_rng(0).integers(50, size=(10, 20))
    ours = torch.log_softmax(model(torch.from_numpy(tokens)), -1)
    np.testing.assert_allclose(ours.numpy(), log_probs_by_hand(oracle_arrays(model), tokens), atol=1e-4, rtol=0)


@pytest.mark.parametrize("path", PATHS)
def test_whole_texts_score_as_in_float64(data_dir: Path, path: str) -> None:
    arrays = dict(np.load(data_dir / "seqgan_oracle.npz", allow_pickle=False))
    task = OracleTask(oracle=data_dir / "seqgan_oracle.npz", train_size=40, test_size=1)
    # Likely texts and unlikely ones.
    tokens = np.concatenate([np.random.default_rng(0).integers(5_000, size=(40, 20)), task.training_sequences().tokens])
    lengths = np.concatenate([np.full(20, 20), np.arange(20) + 1, np.full(40, 20)])
    by_hand = np.take_along_axis(log_probs_by_hand(arrays, tokens), tokens[..., None], 2)[..., 0]
    expected = (by_hand * (np.arange(20) < lengths[:, None])).sum(1)
    with taking(path):
        np.testing.assert_allclose(task.log_prob(tokens, lengths), expected, atol=1e-4, rtol=0)
        reward = LikelihoodReward().bind(task)
        begun = reward.begin(tokens, lengths - 1)
        total = reward.total(reward.extend(begun, tokens, lengths)[0])
        np.testing.assert_allclose(total, expected, atol=1e-4, rtol=0)


def test_random_parameters_are_standard_normal_with_one_bias() -> None:
    state = random_oracle(5_000, seed=0).state_dict()
    assert not state.pop("rnn.bias_hh_l0").any()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "embedding.weight": (5_000, 32),
        "rnn.weight_ih_l0": (128, 32),
        "rnn.weight_hh_l0": (128, 32),
        "rnn.bias_ih_l0": (128,),
        "output.weight": (5_000, 32),
        "output.bias": (5_000,),
    }
    for key, value in state.items():
        drawn = value.double().flatten()
        # Five standard errors of the mean, the variance and the fourth moment of N(0, 1).
        error = 5 / np.sqrt(len(drawn))
        assert abs(drawn.mean()) < error, key
        assert abs((drawn**2).mean() - 1) < np.sqrt(2) * error, key
        assert abs((drawn**4).mean() - 3) < np.sqrt(96) * error, key
    values = torch.cat([value.flatten() for value in state.values()])
    assert len(values.unique()) > 0.95 * len(values)


def test_the_seed_alone_makes_the_oracle() -> None:
    first, again, other = (random_oracle(30, seed).state_dict() for seed in (1, 1, 2))
    for key in first.keys() - {"rnn.bias_hh_l0"}:
        assert torch.equal(first[key], again[key])
        assert not torch.equal(first[key], other[key])


def test_the_oracle_does_not_learn() -> None:
    model = random_oracle(30, 0)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_log_prob_equals_the_sum_of_the_steps(small: OracleTask) -> None:
    texts = small.test_sequences()
    tokens = texts.tokens[:300]
    model = small.language_model
    inputs, state = model.start(300), model.initial_state(300)
    total = np.zeros(300)
    for t in range(small.max_length):
        logits, state = model.step(inputs, state)
        inputs = torch.from_numpy(tokens[:, t])
        total += torch.log_softmax(logits, -1).gather(1, inputs[:, None])[:, 0].double().numpy()
        prefixes = small.log_prob(tokens, np.full(300, t + 1))
        np.testing.assert_allclose(prefixes, total, atol=1e-5)
    # In parts as in one.
    np.testing.assert_allclose(small.log_prob(texts.tokens, texts.lengths)[:300], total, atol=1e-5)


def test_the_data_are_drawn_from_the_oracle(small: OracleTask) -> None:
    """A sample's log p differs from the entropies of its steps by a martingale, whose mean is 0."""
    for texts in (small.training_sequences(), small.test_sequences()):
        tokens = torch.from_numpy(texts.tokens)
        log_probs = torch.log_softmax(small.language_model(tokens).double(), -1)
        chosen = log_probs.gather(2, tokens[..., None])[..., 0]
        entropies = -(log_probs.exp() * log_probs).sum(-1)
        surprise = (chosen + entropies).sum(1)
        assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(len(surprise))
        # Tokens drawn uniformly would be told apart by far.
        assert abs((log_probs.mean(-1) + entropies).sum(1).mean()) > 40 * surprise.std() / np.sqrt(len(surprise))


def test_the_first_tokens_have_the_oracles_frequencies(small: OracleTask) -> None:
    tokens = small.training_sequences().tokens
    model = small.language_model
    logits, _ = model.step(model.start(1), model.initial_state(1))
    expected = 3_000 * torch.softmax(logits.double(), -1)[0].numpy()
    counts = np.bincount(tokens[:, 0], minlength=40)
    frequent = expected > 5
    statistic = ((counts - expected)[frequent] ** 2 / expected[frequent]).sum()
    # Chi-square: its mean is the number of cells, its variance twice that.
    assert statistic < frequent.sum() + 5 * np.sqrt(2 * frequent.sum())


def test_texts_have_full_length_and_splits_differ(small: OracleTask) -> None:
    train, test = small.training_sequences(), small.test_sequences()
    for texts in (train, test):
        assert texts.tokens.shape == (3_000, 8)
        assert (texts.lengths == 8).all()
        assert texts.tokens.min() >= 0
        assert texts.tokens.max() < 40
    assert not np.array_equal(train.tokens, test.tokens)
    assert small.vocabulary.eos_id is None
    np.testing.assert_array_equal(small.references().tokens, train.tokens)


def test_the_entropy_estimates_what_the_nll_of_the_test_data_does_with_less_error(small: OracleTask) -> None:
    texts = small.test_sequences()
    nll = -small.log_prob(texts.tokens, texts.lengths) / texts.lengths
    error = nll.std(ddof=1) / len(nll) ** 0.5
    assert small.entropy == pytest.approx(nll.mean(), abs=4 * error)
    assert 0 < small.entropy_error < error / 1.5


def test_the_entropy_lies_within_its_error_of_the_exact_one() -> None:
    task = OracleTask(vocab_size=4, max_length=3, seed=3, test_size=400)
    every = np.array(list(itertools.product(range(4), repeat=3)))
    log_p = task.log_prob(every, np.full(len(every), 3))
    exact = -(np.exp(log_p) * log_p).sum() / 3
    assert abs(task.entropy - exact) < 4 * task.entropy_error
    conditional = task.conditional_entropies(every, np.full(len(every), 3))
    assert np.exp(log_p) @ conditional == pytest.approx(exact)
    drawn = [task.language_model.sample(400, 3, seeded_generator(9, number)) for number in range(40)]
    means = [task.conditional_entropies(tokens.numpy(), lengths.numpy()) for tokens, lengths in drawn]
    z = [(mean.mean() - exact) / (mean.std(ddof=1) / 20) for mean in means]
    assert 0.6 < np.std(z) < 1.5


def test_the_greedy_sequence_takes_the_likeliest_token_each_time(small: OracleTask) -> None:
    greedy = small.greedy_sequence()
    logits = small.language_model(torch.from_numpy(greedy[None]))
    np.testing.assert_array_equal(logits.argmax(-1)[0].numpy(), greedy)


def test_a_vocabulary_of_one_token() -> None:
    task = OracleTask(vocab_size=1, max_length=1, train_size=1, test_size=1)
    assert task.training_sequences().tokens.tolist() == [[0]]
    assert task.entropy == pytest.approx(0, abs=1e-6)


def test_the_oracle_may_be_put_on_a_device() -> None:
    here, there = OracleTask(20, 4, train_size=5), OracleTask(20, 4, train_size=5, device="cpu:0")
    np.testing.assert_array_equal(here.training_sequences().tokens, there.training_sequences().tokens)
    with pytest.raises(ValueError, match=r"device='cuda:99' cannot be used here"):
        OracleTask(20, 4, device="cuda:99")
