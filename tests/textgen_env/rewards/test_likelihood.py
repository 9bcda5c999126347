"""The likelihood of a text is the same token by token and in one call, and the oracle's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from textgen_env import TextGenVectorEnv
from textgen_env.models.language_model import LanguageModel
from textgen_env.rewards.likelihood import LikelihoodReward
from textgen_env.tasks.base import BaseTask
from textgen_env.tasks.oracle import OracleTask
from textgen_env.vocabulary import IntArray, Vocabulary


class GruTask(BaseTask):
    """Texts of varying length under a GRU whose start is a symbol of its own."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary(["<eos>", "a", "b", "c"], eos="<eos>")
        self.max_length = 6
        self.language_model = LanguageModel(4, 5, 6, "gru", start_id=4)
        self.language_model.initialise(torch.Generator().manual_seed(3), 1.0)

    @torch.no_grad()
    def log_prob(self, tokens: IntArray, lengths: IntArray) -> np.ndarray:
        log_probs = self.language_model.log_probs(torch.from_numpy(tokens), torch.from_numpy(lengths))
        return log_probs.double().sum(1).numpy()


@pytest.fixture(scope="module")
def oracle() -> OracleTask:
    """V = 40, T = 8."""
    return OracleTask(vocab_size=40, max_length=8, train_size=200, test_size=200)


def test_the_score_is_log_p(oracle: OracleTask) -> None:
    tokens, lengths, _ = oracle.test_sequences()
    reward = LikelihoodReward().bind(oracle)
    logits = oracle.language_model(torch.from_numpy(tokens)).double()
    expected = torch.log_softmax(logits, -1).gather(2, torch.from_numpy(tokens)[..., None]).sum((1, 2))
    np.testing.assert_allclose(reward.score(tokens, lengths), expected.numpy(), atol=1e-5)
    # NLL_oracle of SeqGAN's tables.
    nll = -reward.score(tokens, lengths) / 8
    assert nll.mean() == pytest.approx(oracle.entropy, abs=4 * nll.std() / len(nll) ** 0.5)


def test_each_token_earns_its_own_log_probability(oracle: OracleTask) -> None:
    tokens = oracle.test_sequences().tokens[:50]
    envs = TextGenVectorEnv(oracle, "likelihood", num_envs=50, autoreset_mode="Disabled")
    envs.reset(seed=0)
    rewards = np.stack([envs.step(tokens[:, t])[1] for t in range(8)], 1)
    logits = oracle.language_model(torch.from_numpy(tokens)).double()
    expected = torch.log_softmax(logits, -1).gather(2, torch.from_numpy(tokens)[..., None])[..., 0]
    np.testing.assert_allclose(rewards, expected.numpy(), atol=1e-5)
    assert (rewards < 0).all()


def test_probabilities_of_all_texts_add_up_to_one() -> None:
    task = GruTask()
    reward = LikelihoodReward().bind(task)
    rows = [[]]
    texts: list[list[int]] = []
    while rows:
        row = rows.pop()
        if len(row) == 6 or row[-1:] == [0]:
            texts.append(row)
        else:
            rows += [[*row, token] for token in range(4)]
    lengths = np.array([len(text) for text in texts])
    tokens = np.array([text + [4] * (6 - len(text)) for text in texts])
    assert np.exp(reward.score(tokens, lengths)).sum() == pytest.approx(1.0, abs=1e-4)


def test_a_gru_pays_the_same_along_a_text_as_at_its_end() -> None:
    task = GruTask()
    tokens, lengths = task.language_model.sample(60, 6, torch.Generator().manual_seed(1), eos_id=0)
    rewards = []
    for mode in ("terminal", "dense"):
        envs = TextGenVectorEnv(task, LikelihoodReward(), num_envs=60, reward_mode=mode, autoreset_mode="Disabled")
        envs.reset(seed=0)
        for t in range(6):
            going = np.flatnonzero(envs.core.running)
            envs.core.step(tokens[going, t].numpy(), going)
        rewards.append(envs.core.returns.copy())
    expected = LikelihoodReward().bind(task).score(tokens.numpy(), lengths.numpy())
    np.testing.assert_allclose(rewards, [expected, expected], atol=1e-5)
    assert len(set(lengths.tolist())) > 3


def test_prefixes_of_several_lengths_begin_where_they_stand(oracle: OracleTask) -> None:
    reward = LikelihoodReward().bind(oracle)
    tokens = oracle.test_sequences().tokens[:9]
    lengths = np.arange(9) % 8
    begun = reward.begin(tokens, lengths)
    np.testing.assert_allclose(begun["total"], reward.score(tokens, lengths), atol=1e-5)
    before = {key: np.asarray(value).copy() for key, value in begun.items()}
    terms, after = reward.extend(begun, tokens, lengths + 1)
    np.testing.assert_allclose(reward.total(terms), reward.score(tokens, lengths + 1), atol=1e-5)
    for key, value in before.items():
        np.testing.assert_array_equal(begun[key], value)
        assert after[key].shape == begun[key].shape


def test_it_must_be_bound_to_a_task_with_a_model() -> None:
    with pytest.raises(ValueError, match=r"reward 'likelihood' is not bound to a task; use reward.bind\(task\)"):
        LikelihoodReward().score(np.array([[1]]), np.array([1]))
    with pytest.raises(ValueError, match="reward 'likelihood' needs a task with a language model; BaseTask has none"):
        LikelihoodReward().bind(BaseTask())
