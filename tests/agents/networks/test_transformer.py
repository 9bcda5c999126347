"""The Transformer is torch's own, with the same weights; what it keeps of a prefix stands for reading it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from agents.adversarial.pg_bleu import PGBleu, PGBleuConfig
from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from agents.baselines.tempered import Tempered, TemperedConfig
from agents.imitation.mle import MLE, MLEConfig
from agents.imitation.scheduled_sampling import ScheduledSampling, ScheduledSamplingConfig
from agents.networks.encoders import TransformerEncoder
from agents.networks.transformer import Stack, Transformer
from agents.policy_gradient.npg import NPG, NPGConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.policy_gradient.trpo import TRPO, TRPOConfig

V, H, LAYERS, HEADS, CAPACITY = 6, 8, 2, 2, 7
SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 8, "cell": "transformer", "layers": 1, "heads": 2}


def drawn(module: nn.Module, seed: int = 0) -> Any:
    """The module in double precision, every parameter drawn anew, layer norms' too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return module.double()


def model() -> Transformer:
    return drawn(Transformer(V, 5, H, LAYERS, HEADS, CAPACITY))


def torchs_own(stack: Stack) -> nn.TransformerEncoder:
    """`nn.TransformerEncoder` with the weights of a stack."""
    layer = nn.TransformerEncoderLayer(
        H, HEADS, 4 * H, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    encoder = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(H), enable_nested_tensor=False).double()
    names = {
        "self_attn.in_proj_": "qkv.",
        "self_attn.out_proj.": "attention_output.",
        "linear1.": "mlp_in.",
        "linear2.": "mlp_out.",
        "norm1.": "attention_norm.",
        "norm2.": "mlp_norm.",
    }
    state = {"norm.weight": stack.norm.weight, "norm.bias": stack.norm.bias}
    for number, block in enumerate(stack.blocks):
        ours = block.state_dict()
        for theirs, mine in names.items():
            state |= {f"layers.{number}.{theirs}{kind}": ours[f"{mine}{kind}"] for kind in ("weight", "bias")}
    encoder.load_state_dict(state)
    return encoder


def test_reading_a_text_is_torchs_encoder_with_a_causal_mask() -> None:
    transformer = model()
    inputs = torch.randint(V + 1, (5, CAPACITY), generator=torch.Generator().manual_seed(1))
    x = transformer.embedding_projection(transformer.embedding(inputs)) + transformer.stack.positions.weight
    later = torch.ones(CAPACITY, CAPACITY, dtype=torch.bool).triu(1)
    expected = torchs_own(transformer.stack)(x, mask=later)
    found, state = transformer.hidden(inputs, transformer.initial_state(5))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(state[0], expected[:, -1], rtol=1e-9, atol=1e-9)
    assert found.std() > 0.1


def test_reading_a_source_is_torchs_encoder_with_blanks_masked() -> None:
    encoder = drawn(TransformerEncoder(V, 5, H, LAYERS, HEADS, 4))
    sources = torch.tensor([[0, 5, 1, 2], [3, 6, 6, 6], [2, 2, 6, 6]])
    source = encoder.read(sources)
    blank = sources == V
    expected = torchs_own(encoder.stack)(
        encoder.embedding_projection(encoder.embedding(sources)) + encoder.stack.positions.weight,
        src_key_padding_mask=blank,
    )
    assert torch.equal(source.present, ~blank)
    torch.testing.assert_close(source.outputs[~blank], expected[~blank], rtol=1e-9, atol=1e-9)
    (summaries,) = source.handed_over
    for summary, outputs, absent in zip(summaries, expected, blank, strict=True):
        torch.testing.assert_close(summary, outputs[~absent].mean(0), rtol=1e-9, atol=1e-9)


def test_inputs_one_by_one_in_parts_and_at_once_are_the_same() -> None:
    transformer = model()
    inputs = torch.randint(V + 1, (5, CAPACITY), generator=torch.Generator().manual_seed(1))
    whole, end = transformer.hidden(inputs, transformer.initial_state(5))
    state = transformer.initial_state(5)
    for t in range(CAPACITY):
        logits, state = transformer.step(inputs[:, t], state)
        torch.testing.assert_close(logits, transformer.output(whole[:, t]), rtol=1e-9, atol=1e-9)
    first, middle = transformer.hidden(inputs[:, :3], transformer.initial_state(5))
    second, last = transformer.hidden(inputs[:, 3:], middle)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-9, atol=1e-9)
    for one_by_one, in_parts, at_once in zip(state, last, end, strict=True):
        torch.testing.assert_close(one_by_one, at_once, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(in_parts, at_once, rtol=1e-9, atol=1e-9)


def test_rows_that_have_read_unequally_much_go_on_together() -> None:
    transformer = model()
    texts = torch.randint(V + 1, (3, 5), generator=torch.Generator().manual_seed(1))
    states = [
        transformer.hidden(texts[i : i + 1, :n], transformer.initial_state(1))[1] for i, n in enumerate((1, 4, 2))
    ]
    together = tuple(torch.cat(parts) for parts in zip(*states, strict=True))
    before = [part.clone() for part in together]
    found = transformer.advance(torch.tensor([2, 0, 3]), together)
    for row, (state, token) in enumerate(zip(states, (2, 0, 3), strict=True)):
        for part, alone in zip(found, transformer.advance(torch.tensor([token]), state), strict=True):
            torch.testing.assert_close(part[row], alone[0], rtol=1e-9, atol=1e-9)
    assert found[3].tolist() == [2, 5, 3]
    assert all(torch.equal(part, old) for part, old in zip(together, before, strict=True)), "a state is not changed"


def test_more_inputs_than_positions_are_refused() -> None:
    transformer = model()
    _, full = transformer.hidden(torch.zeros(2, CAPACITY, dtype=torch.int64), transformer.initial_state(2))
    with pytest.raises(ValueError, match=r"made for 7 inputs is given input 8"):
        transformer.advance(torch.tensor([1, 2]), full)


def test_initial_parameters_are_normal_but_for_layer_norms() -> None:
    transformer = Transformer(50, 32, 32, 2, 4, 10).initialise(torch.Generator().manual_seed(0), 0.1)
    for name, parameter in transformer.named_parameters():
        if "norm" in name:
            assert (parameter == float(name.endswith("weight"))).all(), name
        else:
            assert parameter.std().item() == pytest.approx(0.1, rel=5 / np.sqrt(2 * parameter.numel())), name


def oracle(name: str, **kwargs: Any) -> Any:
    sizes = {"vocab_size": 10, "max_length": 4, "train_size": 40, "test_size": 10}
    return gym.make_vec(f"TextGen-OracleSmall{name}-v0", num_envs=4, **sizes, **kwargs)


AGENTS: list[tuple[Any, Any, str]] = [
    (MLE, MLEConfig(**SMALL), ""),
    (ScheduledSampling, ScheduledSamplingConfig(**SMALL, k=0.5), ""),
    (Reinforce, ReinforceConfig(**SMALL, batch_size=8, baseline="learned"), ""),
    (NPG, NPGConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2), ""),
    (TRPO, TRPOConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2), ""),
    (PGBleu, PGBleuConfig(**SMALL, pretrain_epochs=1), "BLEU"),
    (SeqGAN, SeqGANConfig(**SMALL, pretrain_epochs=1, rollouts=2, rollout_rate=0.8, d_pretrain_steps=0, d_steps=0), ""),
]


@pytest.mark.parametrize(("kind", "config", "reward"), AGENTS)
def test_every_agent_learns_with_it_and_goes_on_bit_for_bit(
    kind: Any, config: Any, reward: str, tmp_path: Path
) -> None:
    envs = oracle(reward)
    agent = kind(envs, config, seed=1).train(envs, 400)
    agent.save(tmp_path / "agent")
    loaded = kind.load(tmp_path / "agent")
    assert loaded.config == config
    texts = agent.sample(9)
    np.testing.assert_array_equal(loaded.sample(9).tokens, texts.tokens)
    np.testing.assert_array_equal(loaded.log_prob(*texts[:2]), agent.log_prob(*texts[:2]))
    agent.train(envs, 400)
    loaded.train(oracle(reward), 400)
    other = loaded.network.state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in agent.network.state_dict().items())


def test_a_policy_is_adopted_by_a_network_of_the_same_layers_and_heads() -> None:
    envs = oracle("")
    teacher = MLE(envs, MLEConfig(**SMALL)).train(envs, 200)
    agent = Tempered(envs, TemperedConfig(**SMALL))
    agent.initialise_from(teacher)
    texts = teacher.sample(5)
    np.testing.assert_allclose(agent.log_prob(*texts[:2]), teacher.log_prob(*texts[:2]), rtol=1e-6)
    for name, value in (("heads", 4), ("layers", 2)):
        with pytest.raises(ValueError, match=rf"its network differs in {name}={SMALL[name]}; give this agent the same"):
            Tempered(envs, TemperedConfig(**{**SMALL, name: value})).initialise_from(teacher)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"heads": 3}, "heads=3 must divide hidden_size=8"),
        ({"heads": 0}, "heads=0"),
        ({"layers": 0}, "layers=0"),
        ({"cell": "rnn"}, "cell='rnn' must be one of 'lstm', 'gru', 'transformer'"),
    ],
)
def test_shapes_that_cannot_be_are_refused(changes: dict[str, Any], said: str) -> None:
    for config in (MLEConfig, ReinforceConfig, SeqGANConfig, ScheduledSamplingConfig, TemperedConfig):
        with pytest.raises(ValueError, match=said):
            config(**{**SMALL, **changes})
