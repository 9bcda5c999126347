"""Loss of a discriminator and its gradients by hand, in a third of the calls that torch's recording takes: of a small
network the calls are what an update costs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgen_env.models.convolution import filters_found, gradients_found
from textgen_env.models.text_cnn import TextCNN


@torch.no_grad()
def loss_and_gradients(
    network: TextCNN, tokens: Tensor, is_real: Tensor, dropout_generator: torch.Generator, l2: float
) -> tuple[Tensor, Tensor]:
    """The binary cross-entropy of texts being real, under dropout; the gradients of it and of `l2` / 2 times what
    `output_penalty` adds up are left in the parameters.

    Args:
        network: on the CPU, float32, where there are compiled loops.
        tokens: (B, T) int64, B >= `convolution.FEW`.
        is_real: (B,) float32, 0 or 1.
        dropout_generator: as in `TextCNN.forward`.
        l2: weight of the penalty on the output layer.

    Returns:
        the loss, in nats a text, and the logits (B,).
    """
    embedding, gate, transform, output = network.embedding, network.gate, network.transform, network.output
    embedded = functional.embedding(tokens, embedding.weight)
    found = filters_found(embedded, *network.filters())
    features = found.features
    passed = torch.addmm(gate.bias, features, gate.weight.t()).sigmoid_()
    changed = torch.addmm(transform.bias, features, transform.weight.t()).relu_()
    above = features.lerp(changed, passed)
    kept = torch.rand(above.shape, generator=dropout_generator) >= network.config.dropout
    scale = kept.to(above).div_(1 - network.config.dropout)
    read = above.mul_(scale)
    columns = torch.addmm(output.bias, read, output.weight.t())
    logits = columns[:, 0] if columns.shape[1] == 1 else columns[:, 1] - columns[:, 0]
    loss = functional.binary_cross_entropy_with_logits(logits, is_real)
    of_logits = logits.sigmoid().sub_(is_real).div_(len(logits)).unsqueeze(1)
    of_columns = of_logits if columns.shape[1] == 1 else torch.cat([-of_logits, of_logits], 1)
    weighted = l2 * output.out_features / 2
    _leave(output, of_columns, read)
    assert output.weight.grad is not None
    assert output.bias.grad is not None
    output.weight.grad.add_(output.weight, alpha=weighted)
    output.bias.grad.add_(output.bias, alpha=weighted)
    of_above = torch.mm(of_columns, output.weight).mul_(scale)
    of_changed = (of_above * passed).mul_(changed > 0)
    of_passed = changed.sub_(features).mul_(of_above).mul_(passed).mul_(1 - passed)
    of_features = of_above.mul_(1 - passed)
    of_features.addmm_(of_changed, transform.weight).addmm_(of_passed, gate.weight)
    _leave(transform, of_changed, features)
    _leave(gate, of_passed, features)
    of_embedded, of_weights, of_biases = gradients_found(found, of_features)
    for convolution, of_weight, of_bias in zip(network.convolutions, of_weights, of_biases, strict=True):
        assert isinstance(convolution, nn.Conv1d)
        # Adam's fused loop takes numbers as they lie, and the weight's lie in a row.
        convolution.weight.grad = of_weight.contiguous()
        convolution.bias.grad = of_bias  # type: ignore[union-attr]
    embedding.weight.grad = torch.ops.aten.embedding_dense_backward(
        of_embedded, tokens, embedding.num_embeddings, -1, False
    )
    return loss, logits


def _leave(layer: nn.Linear, of_results: Tensor, read: Tensor) -> None:
    """Leaves a layer's gradients in it: of results (B, G) that it made of what it `read` (B, F)."""
    layer.weight.grad = torch.mm(of_results.t(), read)
    layer.bias.grad = of_results.sum(0)
