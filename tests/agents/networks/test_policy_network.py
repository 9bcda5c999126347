"""The policy network: a state carried token by token says the same as reading a text at once."""

import math
import random

import numpy as np
import pytest
import torch

from agents.data.text_spec import TextSpec
from agents.networks.config import NetworkCell
from agents.networks.policy_network import PolicyNetwork

SPEC = TextSpec(vocab_size=6, max_length=5, eos_id=0)
CONDITIONAL = TextSpec(vocab_size=6, max_length=5, eos_id=0, source_vocab_size=4, source_length=3)
CELLS: tuple[NetworkCell, ...] = ("lstm", "gru", "transformer")


def network(spec: TextSpec, cell: NetworkCell, seed: int = 0, value_head: bool = False) -> PolicyNetwork:
    return PolicyNetwork(spec, 8, 12, cell, torch.Generator().manual_seed(seed), value_head)


def inputs(spec: TextSpec) -> tuple[torch.Tensor, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(spec.vocab_size, (4, spec.max_length), generator=generator)
    tokens[1, 3:] = spec.vocab_size
    sources = torch.tensor([[0, 1, 2], [3, 4, 4], [2, 2, 4], [4, 4, 4]]) if spec.conditional else None
    return tokens, sources


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("spec", [SPEC, CONDITIONAL])
def test_steps_equal_reading_at_once(spec: TextSpec, cell: NetworkCell) -> None:
    policy = network(spec, cell)
    tokens, sources = inputs(spec)
    at_once = policy.logits(policy.hidden(tokens, sources))
    state, last = policy.begin(4, sources), torch.full((4,), spec.vocab_size)
    for t in range(spec.max_length):
        logits, state = policy.step(last, state)
        torch.testing.assert_close(logits, at_once[:, t])
        last = tokens[:, t]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("spec", [SPEC, CONDITIONAL])
def test_the_layer_over_texts_makes_their_logits(spec: TextSpec, cell: NetworkCell) -> None:
    policy = network(spec, cell)
    tokens, sources = inputs(spec)
    hidden, weight, bias = policy.layer_over(tokens, sources)
    torch.testing.assert_close(hidden, policy.hidden(tokens, sources), rtol=0, atol=0)
    torch.testing.assert_close(hidden @ weight.t() + bias, policy.logits(hidden))


@pytest.mark.parametrize("cell", CELLS)
def test_encoder_reads_up_to_the_first_blank(cell: NetworkCell) -> None:
    policy = network(CONDITIONAL, cell)
    encoder = policy.encoder
    assert encoder is not None
    wide = encoder(torch.tensor([[3, 1, 4], [2, 4, 4]]))
    for row, source in enumerate(([3, 1], [2])):
        for found, alone in zip(wide, encoder(torch.tensor([source])), strict=True):
            torch.testing.assert_close(found[row], alone[0])


@pytest.mark.parametrize("cell", CELLS)
def test_every_parameter_learns(cell: NetworkCell) -> None:
    policy = network(CONDITIONAL, cell, value_head=True)
    tokens, sources = inputs(CONDITIONAL)
    hidden = policy.hidden(tokens, sources)
    (policy.logits(hidden).square().sum() + (policy.values(hidden) - 1).square().sum()).backward()
    for name, parameter in policy.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def test_the_values_error_leaves_the_policy_alone() -> None:
    policy = network(SPEC, "gru", value_head=True)
    (policy.values(policy.hidden(*inputs(SPEC))) - 1).square().sum().backward()
    assert [name for name, p in policy.named_parameters() if p.grad is not None] == ["value.weight", "value.bias"]
    with pytest.raises(ValueError, match="value_head=True"):
        network(SPEC, "gru").values(torch.zeros(1, 12))


@pytest.mark.parametrize("cell", CELLS)
def test_learning_starts_from_a_nearly_uniform_policy(cell: NetworkCell) -> None:
    policy = network(CONDITIONAL, cell)
    log_probs = policy.logits(policy.hidden(*inputs(CONDITIONAL))).log_softmax(-1)
    assert (log_probs + math.log(CONDITIONAL.vocab_size)).abs().max() < 0.2


@pytest.mark.parametrize("cell", CELLS)
def test_parameters_are_drawn_from_the_generator_alone(cell: NetworkCell) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    first, same, other = (network(CONDITIONAL, cell, seed, value_head=True).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert random.getstate() == before[2]
    for name, parameter in first.items():
        assert torch.equal(parameter, same[name]), name
    assert not torch.equal(first["decoder.embedding.weight"], other["decoder.embedding.weight"])
    inner = "stack.blocks.1.mlp_in.weight" if cell == "transformer" else "rnn.weight_hh_l0"
    for part in ("decoder", "encoder"):
        assert not torch.equal(first[f"{part}.{inner}"], other[f"{part}.{inner}"])
