"""The ranker as a reward: its ranks against the paper's formulas, and what it learns. See test_learned for the rest."""

import gymnasium
import numpy as np
import pytest
import torch
from torch.nn import functional

from support.rising_task import SMALL, RisingTask, written
from textgen_env.models.ranker import crowd, log_rank
from textgen_env.rewards.ranker import RankerReward
from textgen_env.testing import check_reward

SETS = {"reference_size": 5, "comparison_size": 3}


def bound(task=None, **kwargs):
    return RankerReward(**{**SMALL, **SETS, **kwargs}).bind(task or RisingTask())


def plain_vectors(weights, tokens):
    """What the encoder makes of the texts (B, T): (B, F), window by window, without dropout."""
    embedded = weights["embedding.weight"][tokens]  # (B, T, E)
    columns = []
    for i in range(len(SMALL["widths"])):
        kernel, bias = weights[f"convolutions.{i}.weight"], weights[f"convolutions.{i}.bias"]
        width = kernel.shape[2]
        windows = [
            torch.einsum("bwe,new->bn", embedded[:, t : t + width], kernel) + bias
            for t in range(tokens.shape[1] - width + 1)
        ]
        columns.append(torch.stack(windows).amax(0).relu())
    c = torch.cat(columns, 1)
    tau = torch.sigmoid(functional.linear(c, weights["gate.weight"], weights["gate.bias"]))
    transformed = functional.linear(c, weights["transform.weight"], weights["transform.bias"]).relu()
    return tau * transformed + (1 - tau) * c


def plain_log_ranks(texts, references, comparisons, gamma):
    """log R(s | U, C) as the paper defines it, from vectors of any length: one text, one reference at a time."""
    log_ranks = []
    for s in texts:
        p = []
        for u in references:
            alpha = torch.stack([y @ u / (y.norm() * u.norm()) for y in [s, *comparisons]])
            p.append(torch.softmax(gamma * alpha, 0)[0])
        log_ranks.append(torch.stack(p).mean().log())
    return torch.stack(log_ranks)


def weights_of(reward):
    return {name: p.detach().double() for name, p in reward.learner.parameters.items()}


@pytest.mark.parametrize("gamma", [1.0, 20.0])
def test_scores_are_the_papers_ranks(gamma):
    reward, task = bound(gamma=gamma), RisingTask()
    reward.update(written(64))
    fake, weights = written(30, 1), weights_of(reward)
    sets = [task.real.tokens[reward.state_dict()[name].numpy()] for name in ("references", "comparisons")]
    vectors = [plain_vectors(weights, torch.from_numpy(tokens)) for tokens in (fake.tokens, *sets)]
    expected = plain_log_ranks(*vectors, gamma).numpy()
    assert np.ptp(expected) > 0.02 * gamma
    scores = reward.score(*fake[:2])
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    ranks = bound(gamma=gamma, output="rank")
    ranks.load_state_dict(reward.state_dict())
    np.testing.assert_allclose(ranks.score(*fake[:2]), np.exp(expected), rtol=1e-5)
    assert list(reward.terms(*fake[:2])) == ["ranker"]


@pytest.mark.parametrize("gamma", [1.0, 20.0])
def test_the_loss_and_its_gradient_are_the_papers(gamma):
    """Equation 7: real texts among written ones, written texts among real ones, against references that are real."""
    ranker = bound(gamma=gamma, dropout=0.0, batch_size=8).learner
    rng = np.random.default_rng(0)
    real = torch.from_numpy(RisingTask().real.tokens[rng.permutation(500)[: 4 + 5 + 3]])
    fake = torch.from_numpy(written(4 + 3, 5).tokens)
    assert ranker.drawn == (len(real), len(fake))
    loss, accuracy = ranker.losses(real, fake)
    loss.backward()

    weights = {name: p.detach().double().requires_grad_() for name, p in ranker.parameters.items()}
    y_real, y_fake = plain_vectors(weights, real), plain_vectors(weights, fake)
    shown, references, c_real = torch.split(y_real, [4, 5, 3])
    made, c_fake = torch.split(y_fake, [4, 3])
    log_rank_of_real = plain_log_ranks(shown, references, c_fake, gamma)
    log_rank_of_fake = plain_log_ranks(made, references, c_real, gamma)
    expected = -log_rank_of_real.mean() + log_rank_of_fake.mean()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    total = sum(float(w.grad.norm()) for w in weights.values())
    assert total > 0.1
    for name, parameter in ranker.parameters.items():
        torch.testing.assert_close(parameter.grad.double(), weights[name].grad, atol=1e-5 * total, rtol=1e-4)
    order = plain_log_ranks(shown, references, c_real, gamma)[:, None] > log_rank_of_fake
    assert accuracy == order.double().mean().item()


def test_a_round_draws_batches_and_sets_and_takes_adams_steps():
    reward = bound(dropout=0.0, batch_size=8)
    twin, fake = bound(dropout=0.0, batch_size=8), written(50)
    ranker, generator = twin.learner, torch.Generator()
    generator.set_state(twin.learner.generator.get_state())

    def drawn(population, count):
        return torch.cat([torch.randperm(population, generator=generator) for _ in range(1 + count // population)])

    real = ranker.real[drawn(500, 3 * 12)[: 3 * 12]].view(3, 12, -1)
    shown = torch.from_numpy(fake.tokens)[drawn(50, 3 * 7)[: 3 * 7]].view(3, 7, -1)
    optimizer = torch.optim.Adam(ranker.network.parameters(), lr=1e-3)
    losses, accuracies = [], []
    for batch in zip(real, shown, strict=True):
        torch.rand(12 + 7, 16, generator=generator)  # dropout's, of which none are left out
        loss, accuracy = ranker.losses(*batch)
        losses.append(loss.item())
        accuracies.append(accuracy)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    metrics = reward.update(fake, steps=3)
    assert metrics == pytest.approx({"loss": np.mean(losses), "accuracy": np.mean(accuracies)}, abs=1e-5)
    for name, parameter in ranker.parameters.items():
        near = torch.isclose(reward.learner.parameters[name], parameter, atol=1e-5)
        assert near.double().mean() > 0.99, name
    after = torch.randperm(500, generator=generator)
    state = reward.state_dict()
    assert torch.equal(torch.cat([state["references"], state["comparisons"]]), after[:8])
    assert reward.learner.steps_taken == 3


def test_scores_stay_as_they_are_until_an_update_redraws_the_sets():
    reward, fake = bound(), written(64)
    before, scores = reward.state_dict(), reward.score(*fake[:2])
    assert len({*before["references"].tolist(), *before["comparisons"].tolist()}) == 8
    assert np.array_equal(reward.score(*fake[:2]), scores)
    assert all(torch.equal(tensor, before[name]) for name, tensor in reward.state_dict().items())
    reward.episodes_ended(fake.tokens, fake.lengths)
    after = reward.state_dict()
    for name in ("references", "comparisons"):
        assert not torch.equal(after[name], before[name])
    assert not np.array_equal(reward.score(*fake[:2]), scores)
    # A state that is put back brings its scores along.
    reward.load_state_dict(before)
    assert np.array_equal(reward.score(*fake[:2]), scores)


def test_more_may_be_drawn_than_there_are_texts():
    reward = bound(RisingTask(count=4), reference_size=9)
    assert set(reward.state_dict()["references"].tolist()) == {0, 1, 2, 3}
    assert np.isfinite(reward.update(written(1))["loss"])


def test_ranks_among_a_set_are_shares():
    """Each member's own share of the set that it makes with the others: they sum to 1; the same text n times, 1 / n."""
    vectors = functional.normalize(torch.randn(6, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    members, references = vectors[:5], vectors[5:]
    shares = [
        log_rank(members[[i]], references, crowd(members[[j for j in range(5) if j != i]], references, 3.0), 3.0).exp()
        for i in range(5)
    ]
    torch.testing.assert_close(sum(shares), torch.ones(1, dtype=torch.float64))
    same = members[:1].expand(4, -1)
    torch.testing.assert_close(
        log_rank(same, vectors, crowd(same[:3], vectors, 8.0), 8.0).exp(), torch.full((4,), 0.25).double()
    )


def test_ranks_near_0_and_1_keep_their_logarithm_and_their_gradient():
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    references = torch.tensor([[1.0, 0.0]])
    others = crowd(torch.tensor([[0.0, 1.0]]), references, 500.0)
    log_ranks = log_rank(texts, references, others, 500.0)
    assert log_ranks[0].item() == 0.0  # log(1 / (1 + e^-500))
    assert log_ranks[1].item() == pytest.approx(np.log(0.5))
    far = log_rank(-texts, references, others, 500.0)
    assert far[0].item() == pytest.approx(-500.0)
    far.sum().backward()
    assert texts.grad.isfinite().all()


def order(reward, seed=99):
    """The share of pairs of a real and a written text in which the real one ranks higher."""
    real, fake = RisingTask().real, written(500, seed)
    return np.mean(reward.score(*real[:2])[:, None] > reward.score(*fake[:2]))


def test_it_learns_to_rank_real_texts_above_written_ones_with_no_extra_code():
    reward = bound(learning_rate=5e-3, embedding_size=16, counts=[16, 16], reference_size=16)
    untrained = order(reward)
    for step in range(20):
        fake = written(32, step)
        reward.episodes_ended(fake.tokens, fake.lengths)
    trained = order(reward)
    print(f"order untrained {untrained:.3f}, after {reward.learner.steps_taken} updates {trained:.3f}")
    assert untrained < 0.7
    assert trained > 0.95
    assert reward.last_update["accuracy"] > 0.9
    assert reward.last_update["loss"] < -0.8


@pytest.mark.parametrize("output", ["log_rank", "rank"])
@pytest.mark.parametrize("auto_update", [False, True])
def test_it_is_a_reward(output, auto_update):
    check_reward(RankerReward(**SMALL, output=output, auto_update=auto_update), RisingTask())


def test_it_is_chosen_by_name():
    sizes = {"embedding_size": 8, "widths": [1, 2], "counts": [4, 4], "gamma": 2.0}
    reward = {"name": "ranker", "auto_update": False, **sizes}
    envs = gymnasium.make_vec("TextGen-OracleSmallGAN-v0", num_envs=4, reward=reward, train_size=60)
    envs.reset(seed=0)
    for _ in range(10):
        *_, infos = envs.step(envs.action_space.sample())
    rewards = infos["reward_terms"]["ranker"]
    assert (np.log(1 / 17) - 2.0 < rewards).all()
    assert (rewards < 0).all()
    assert envs.unwrapped.reward.learner.gamma == 2.0


@pytest.mark.parametrize("name", ["references", "comparisons"])
@pytest.mark.parametrize(("row", "said"), [(500, "0 to 500"), (-1, "-1 to 0")])
def test_a_state_of_other_training_texts_is_refused(name, row, said):
    reward = bound()
    before = reward.state_dict()
    state = bound(seed=9).state_dict()
    state[name] = torch.tensor([row] + [0] * (len(state[name]) - 1))
    with pytest.raises(ValueError, match=f"entry '{name}' names training texts {said}; there are 0 to 499"):
        reward.load_state_dict(state)
    assert all(torch.equal(tensor, before[key]) for key, tensor in reward.state_dict().items())


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"output": "probability"}, ValueError, "output='probability' must be one of 'log_rank', 'rank'"),
        ({"gamma": 0.0}, ValueError, "gamma=0.0 must be above 0"),
        ({"gamma": float("inf")}, ValueError, "gamma=inf"),
        ({"gamma": "1"}, TypeError, "gamma='1'"),
        ({"reference_size": 0}, ValueError, "reference_size=0"),
        ({"comparison_size": 1.5}, TypeError, "comparison_size=1.5"),
    ],
)
def test_wrong_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        RankerReward(**kwargs)
