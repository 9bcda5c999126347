"""TextCNN against the same network written with plain functions, and what it may not touch."""

import pytest
import torch
from torch.nn import functional

from textgen_env.kernels import SWITCH
from textgen_env.models.discriminator import output_penalty
from textgen_env.models.text_cnn import TextCNN, TextCNNConfig

VOCAB_SIZE, MAX_LENGTH = 30, 8
DEFAULT = TextCNNConfig()


def made(config=DEFAULT, seed=0, vocab_size=VOCAB_SIZE, max_length=MAX_LENGTH):
    return TextCNN(vocab_size, max_length, config, torch.Generator().manual_seed(seed))


def texts(count, seed=1, vocab_size=VOCAB_SIZE, max_length=MAX_LENGTH):
    return torch.randint(vocab_size + 1, (count, max_length), generator=torch.Generator().manual_seed(seed))


def plain_logits(weights, tokens, max_length):
    """Filter by filter, as the paper's equations 9 to 11 read."""
    embedded = weights["embedding.weight"][tokens]  # (B, T, E)
    columns = []
    for i in range(len([name for name in weights if name.startswith("convolutions") and name.endswith("weight")])):
        kernel, bias = weights[f"convolutions.{i}.weight"], weights[f"convolutions.{i}.bias"]
        width = kernel.shape[2]
        positions = [
            functional.relu(torch.einsum("bwe,new->bn", embedded[:, t : t + width], kernel) + bias)
            for t in range(max_length - width + 1)
        ]
        columns.append(torch.stack(positions).max(0).values)
    c = torch.cat(columns, 1)
    tau = torch.sigmoid(functional.linear(c, weights["gate.weight"], weights["gate.bias"]))
    transformed = functional.relu(functional.linear(c, weights["transform.weight"], weights["transform.bias"]))
    highway = tau * transformed + (1 - tau) * c
    return functional.linear(highway, weights["output.weight"], weights["output.bias"])[:, 0]


@pytest.mark.parametrize("compiled", ["0", "1"])
@pytest.mark.parametrize("config", [DEFAULT, TextCNNConfig(7, (1, 3, 8), (4, 5, 6)), TextCNNConfig(5, (2, 9), (3, 50))])
def test_logits_and_gradients_equal_the_plain_network(monkeypatch, compiled, config):
    monkeypatch.setenv(SWITCH, compiled)
    network, tokens = made(config), texts(11)
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.add_(0.1)  # so that no bias is zero
    weights = {name: p.detach().clone().requires_grad_() for name, p in network.named_parameters()}
    ours, plain = network(tokens), plain_logits(weights, tokens, MAX_LENGTH)
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-5)
    ours.square().sum().backward()
    plain.square().sum().backward()
    total = sum(float(w.grad.norm()) for w in weights.values())
    for name, parameter in network.named_parameters():
        # Where a maximum is reached twice, the two split its gradient differently: the embedding sees the sum.
        torch.testing.assert_close(parameter.grad, weights[name].grad, atol=1e-5 * total, rtol=1e-4)


def test_filters_wider_than_the_text_are_left_out():
    assert TextCNNConfig.seqgan().filters(8) == list(
        zip(range(1, 9), (100, 200, 200, 200, 200, 100, 100, 100), strict=True)
    )
    assert sum(count for _, count in TextCNNConfig.seqgan().filters(20)) == 1720
    assert made(TextCNNConfig(4, (2, 8, 9), (3, 5, 7))).output.in_features == 8
    with pytest.raises(ValueError, match="every filter is wider than a text of 8 tokens"):
        made(TextCNNConfig(4, (9, 10), (1, 1)))


def test_the_blank_is_a_token():
    network = made()
    assert network.embedding.num_embeddings == VOCAB_SIZE + 1
    tokens = texts(1)
    blank = tokens.clone()
    blank[:, 4:] = VOCAB_SIZE
    assert network(blank).item() != network(tokens).item()


def test_one_logit_is_the_difference_of_two_columns():
    network, tokens = made(), texts(6)
    w, b = network.output.weight[0], network.output.bias
    columns = torch.stack([-w / 2, w / 2])  # written, real
    hooked = []
    network.output.register_forward_hook(lambda _, inputs, __: hooked.append(inputs[0]))
    logits = network(tokens)
    softmax = torch.softmax(hooked[0] @ columns.T + torch.cat([-b / 2, b / 2]), 1)
    torch.testing.assert_close(softmax[:, 1], logits.sigmoid())
    paper = 0.2 * 0.5 * (columns.square().sum() + 2 * (b / 2).square().sum())
    torch.testing.assert_close(output_penalty(network, 0.2), paper)


def test_the_initial_weights_come_from_the_generator_alone():
    first, again, other = made(seed=3), made(seed=3), made(seed=4)
    for name, parameter in first.named_parameters():
        assert torch.equal(parameter, again.get_parameter(name))
        if name.endswith("weight"):
            assert not torch.equal(parameter, other.get_parameter(name))
    embedding = made(vocab_size=2000).embedding.weight
    assert embedding.abs().max() <= 1
    assert abs(embedding.std().item() - 3**-0.5) < 0.01
    kernel = made(TextCNNConfig(32, (3,), (500,))).convolutions[0].weight
    assert kernel.abs().max() <= 0.2
    assert abs(kernel.std().item() - 0.088) < 0.002  # N(0, 0.1^2) cut at two deviations


def test_evaluation_is_deterministic_in_either_mode_and_dropout_follows_its_generator():
    network, tokens = made(TextCNNConfig(dropout=0.5)), texts(5)
    evaluated = network.eval()(tokens)
    assert torch.equal(evaluated, network.train()(tokens))

    def dropped(seed):
        return network.eval()(tokens, torch.Generator().manual_seed(seed))

    assert torch.equal(dropped(0), dropped(0))
    assert not torch.equal(dropped(0), dropped(1))
    assert not torch.equal(dropped(0), evaluated)
    assert torch.equal(made(TextCNNConfig(dropout=0.0))(tokens, torch.Generator()), made()(tokens))


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    network = made(TextCNNConfig(dropout=0.25))
    inputs = []
    network.output.register_forward_hook(lambda _, given, __: inputs.append(given[0].detach()))
    tokens = texts(1).expand(2000, -1)
    network(tokens)
    network(tokens, torch.Generator().manual_seed(0))
    kept = inputs[1][:, inputs[0][0] > 0] != 0
    assert abs(kept.float().mean().item() - 0.75) < 0.01
    torch.testing.assert_close(inputs[1].mean(0), inputs[0][0], atol=0.1, rtol=0.1)


def test_a_text_alone_scores_as_in_a_batch():
    network, tokens = made(TextCNNConfig.seqgan(), vocab_size=50, max_length=20), texts(40, 1, 50, 20)
    with torch.inference_mode():
        batch = network(tokens)
        alone = torch.cat([network(row[None]) for row in tokens])
    torch.testing.assert_close(alone, batch, atol=1e-5, rtol=1e-5)


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    network = made()
    network(texts(4), torch.Generator()).sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"embedding_size": 0}, ValueError, "embedding_size=0"),
        ({"embedding_size": 2.0}, TypeError, "embedding_size=2.0 must be a whole number"),
        ({"widths": 3}, TypeError, "widths=3"),
        ({"widths": "12"}, TypeError, "widths='12'"),
        ({"widths": (1, 0, 3, 4)}, ValueError, "widths=.*at least 1"),
        ({"counts": (True, 2, 3, 4)}, TypeError, "counts="),
        ({"widths": (1, 2)}, ValueError, "equally long"),
        ({"widths": (), "counts": ()}, ValueError, "not empty"),
        ({"dropout": 1.0}, ValueError, "dropout=1.0"),
        ({"dropout": float("nan")}, ValueError, "dropout=nan"),
        ({"dropout": "0.5"}, TypeError, "dropout='0.5'"),
    ],
)
def test_wrong_sizes(kwargs, error, message):
    with pytest.raises(error, match=message):
        TextCNNConfig(**kwargs)


def test_two_columns_are_a_softmax_whose_probability_is_the_logits():
    config = TextCNNConfig(4, (1, 2), (3, 3), 0.0)
    network = TextCNN(VOCAB_SIZE, MAX_LENGTH, config, torch.Generator().manual_seed(0), columns=2)
    assert network.output.weight.shape == (2, 6)
    columns = network.output(network.highway_of(network.features_of(texts(6))))
    torch.testing.assert_close(torch.softmax(columns, 1)[:, 1], network(texts(6)).sigmoid())
    paper = 0.2 * 0.5 * (network.output.weight.square().sum() + network.output.bias.square().sum())
    torch.testing.assert_close(output_penalty(network, 0.2), paper)


def test_adam_moves_the_logit_of_two_columns_twice_as_fast():
    config, tokens = TextCNNConfig(4, (1, 2), (3, 3), 0.0), texts(6)
    moved = []
    for columns in (1, 2):
        network = TextCNN(VOCAB_SIZE, MAX_LENGTH, config, torch.Generator().manual_seed(0), columns=columns)
        with torch.no_grad():
            w = torch.linspace(-1, 1, 6)
            network.output.weight.copy_(w[None] if columns == 1 else torch.stack([-w / 2, w / 2]))
            network.output.bias.zero_()
        before = network(tokens).detach()
        torch.testing.assert_close(before, network.highway_of(network.features_of(tokens)).detach() @ w)
        optimizer = torch.optim.Adam(network.output.parameters(), lr=1e-3)
        torch.nn.functional.softplus(-network(tokens)).mean().backward()
        optimizer.step()
        moved.append(network(tokens).detach() - before)
    torch.testing.assert_close(moved[1], 2 * moved[0], rtol=1e-3, atol=1e-5)
