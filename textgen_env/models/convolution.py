"""Convolution over tokens, maximum over time, ReLU: the features that a `TextCNN` reads a text by.

B or N texts have T tokens, each an embedding of size E; filters of width w have weights (n, E, w), as `torch.nn.Conv1d`
keeps them, and biases (n,). The F features are those of all the widths, one behind the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from textgen_env.kernels import kernels
from textgen_env.models.threads import allowed_threads
from textgen_env.vocabulary import IntArray

FloatArray = NDArray[np.float32]

AT_ONCE = 512
"""Texts whose windows are multiplied together without gradient: bounds the memory that a large batch takes."""

FEW = 4
"""Fewer texts gain less from the kernels than the calls to them cost."""

TABLE_NUMBERS = 8_000_000
"""Numbers in a table of `features_from_tables`: bounds its memory, and what of it misses the caches."""


def features_of(tokens: Tensor, embedding: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """The features of texts, by the way that is fastest for them; its choice moves the last float32 digits only.

    Args:
        tokens: (B, T) int64.
        embedding: (V + 1, E).

    Returns:
        (B, F).
    """
    if torch.is_grad_enabled():
        return pooled_convolution(functional.embedding(tokens, embedding), weights, biases)
    if len(tokens) >= FEW and _compiled(embedding) is not None:
        texts = tokens.numpy()
        seen = np.bincount(texts.ravel(), minlength=len(embedding)) > 0
        if tables_pay(len(texts), texts.shape[1], int(seen.sum()), weights):
            rows = np.ascontiguousarray((np.cumsum(seen) - 1)[texts])
            return features_from_tables(rows, embedding[torch.from_numpy(seen)], weights, biases)
    chunks = [functional.embedding(chunk, embedding) for chunk in torch.split(tokens, AT_ONCE)]
    return torch.cat([pooled_convolution(chunk, weights, biases) for chunk in chunks])


def pooled_convolution(embedded: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """The features (B, F) of embedded texts (B, T, E), with a gradient.

    The gradient of a maximum reached twice goes to the first window on a CPU, to all in equal shares elsewhere.
    """
    kernel = _compiled(embedded)
    if kernel is not None and len(embedded) >= FEW:
        features: Tensor = _PooledConvolution.apply(embedded.contiguous(), *weights, *biases)  # type: ignore[no-untyped-call]
        return features
    channels = embedded.transpose(1, 2)  # (B, E, T)
    pooled = [functional.conv1d(channels, w, b).amax(2) for w, b in zip(weights, biases, strict=True)]
    # ReLU and the maximum commute; after it there is less to do.
    return torch.cat(pooled, 1).relu()


class _PooledConvolution(torch.autograd.Function):
    """Products of all windows with all filters, of which the backward pass needs the highest alone.

    A dense backward pass would multiply each of the P windows of a text with a gradient that is zero but for one.
    """

    @staticmethod
    def forward(ctx: Any, embedded: Tensor, *parameters: Tensor) -> Tensor:
        half = len(parameters) // 2
        found = filters_found(embedded, parameters[:half], parameters[half:])
        ctx.save_for_backward(embedded, found.features, found.where, *found.filters)
        return found.features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        embedded, features, where, *filters = ctx.saved_tensors
        of_embedded, of_weights, of_biases = gradients_found(Found(embedded, features, where, filters), gradient)
        return of_embedded, *of_weights, *of_biases


class Found(NamedTuple):
    """Features that filters find in texts, and what their gradient needs.

    Attributes:
        embedded: (B, T, E) texts.
        features: (B, F).
        where: (B, F) int32, the windows that the features are of.
        filters: of each width (n, w * E): a window's numbers lie together, and a filter's in the same order.
    """

    embedded: Tensor
    features: Tensor
    where: Tensor
    filters: list[Tensor]


def filters_found(embedded: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Found:
    """The features of embedded texts (B, T, E), contiguous, by the compiled loops; without a record of it."""
    kernel = kernels("convolution")
    texts, length, size = embedded.shape
    filters = [weight.transpose(1, 2).flatten(1) for weight in weights]
    features = embedded.new_empty(texts, sum(map(len, filters)))
    where = torch.empty_like(features, dtype=torch.int32)
    found, at = features.numpy(), where.numpy()
    first = 0
    for matrix in filters:
        windows = length - matrix.shape[1] // size + 1
        unfolded = embedded.as_strided((texts, windows, matrix.shape[1]), (length * size, size, 1))
        products = (unfolded.flatten(0, 1) @ matrix.T).view(texts, windows, len(matrix))
        kernel.highest_products(products.numpy(), first, found, at)
        first += len(matrix)
    features.add_(torch.cat(list(biases))).relu_()
    return Found(embedded, features, where, filters)


def gradients_found(found: Found, of_features: Tensor) -> tuple[Tensor, list[Tensor], Sequence[Tensor]]:
    """The gradients of embedded texts (B, T, E), of the weights (n, E, w) and of the biases (n,) of each width, from
    that of the features (B, F)."""
    kernel = kernels("convolution")
    embedded, features, where, filters = found
    size = embedded.shape[2]
    gradient = (of_features * (features > 0)).contiguous()
    of_embedded = torch.zeros_like(embedded)
    texts, of_texts = embedded.flatten(1).numpy(), of_embedded.flatten(1).numpy()
    of_weights = []
    first = 0
    for matrix in filters:
        of_matrix = torch.empty_like(matrix)
        at = (gradient.numpy(), where.numpy(), first, size)
        kernel.filter_gradients(*at, texts, of_matrix.numpy())
        kernel.token_gradients(*at, matrix.numpy(), of_texts)
        of_weights.append(of_matrix.view(len(matrix), -1, size).transpose(1, 2))
        first += len(matrix)
    return of_embedded, of_weights, torch.split(gradient.sum(0), [len(matrix) for matrix in filters])


def tables_pay(texts: int, length: int, distinct: int, weights: Sequence[Tensor]) -> bool:
    """Whether `features_from_tables` has at most half the multiplications of a convolution that is not small."""
    tabulated = distinct * sum(w.shape[0] * w.shape[2] for w in weights)
    convolved = texts * sum(w.shape[0] * w.shape[2] * (length - w.shape[2] + 1) for w in weights)
    return 2 * tabulated + 200_000 <= convolved


def features_from_tables(
    rows: IntArray, embedding: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> Tensor:
    """The features (N, F) of many texts over few tokens, without gradient; on a CPU, with the compiled kernel.

    What a token adds to a window at each offset is multiplied once for all the texts; then a window is a sum. A text
    that begins as the one before it shares its first windows with it, so texts are best handed over in sorted order.

    Args:
        rows: (N, T) int64 rows of the embedding.
        embedding: (D, E) of the tokens that occur.
    """
    kernel = kernels("convolution")
    features = embedding.new_empty(len(rows), sum(map(len, weights)))
    threads = _threads_for(len(rows))
    parts, results = np.array_split(rows, threads), np.array_split(features.numpy(), threads)
    shared = [shared_with_previous(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        each = map if threads == 1 else pool.map
        first = 0
        for table in _tables(embedding, weights):
            list(each(partial(kernel.highest_sums, table, first), parts, shared, results))
            first += table.shape[2]
    return features.add_(torch.cat(list(biases))).relu_()


def _tables(embedding: Tensor, weights: Sequence[Tensor]) -> Iterator[FloatArray]:
    """Summands that each token (D, E) brings to a window at each offset, for some filters (n, E, w) at a time: (D, w,
    n)."""
    # One piece of memory serves all: to ask for it anew takes as long as to fill it.
    memory = embedding.new_empty(0)
    for weight in weights:
        pieces = -(-weight[:, 0].numel() * len(embedding) // TABLE_NUMBERS)
        for piece in weight.chunk(pieces):
            matrix = piece.permute(1, 2, 0).flatten(1)  # (E, w * n)
            size = len(embedding) * matrix.shape[1]
            if len(memory) < size:
                memory = embedding.new_empty(size)
            table = torch.mm(embedding, matrix, out=memory[:size].view(len(embedding), -1))
            yield table.view(len(embedding), -1, len(piece)).numpy()


def _threads_for(texts: int) -> int:
    """As many as torch may use, where each has enough to do."""
    return max(1, min(allowed_threads(), texts // 2048))


def shared_with_previous(tokens: IntArray) -> IntArray:
    """Of each text (N, T) the number of tokens that it begins with as the text before it does: (N,), [0] is 0."""
    shared = np.zeros(len(tokens), np.int64)
    shared[1:] = np.logical_and.accumulate(tokens[1:] == tokens[:-1], axis=1).sum(1)
    return shared


def _compiled(tensor: Tensor) -> Any:
    """The kernels, where they can work on the tensor."""
    return kernels("convolution") if tensor.device.type == "cpu" and tensor.dtype == torch.float32 else None
