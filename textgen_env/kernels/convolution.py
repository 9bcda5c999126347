"""The maximum over time of a convolution over tokens, and its gradients.

E is the embedding's size, n the number of filters of one width w, P = T - w + 1 the windows of a text. A window is w
rows of its text's embedding, which lie one behind the other: w * E numbers. One call serves one width; `first` is the
column of its first filter among the F features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel

FloatArray = NDArray[np.float32]


@kernel()
def highest_products(products: FloatArray, first: int, highest: FloatArray, where: NDArray[np.int32]) -> None:
    """Writes the highest of the products (B, P, n) of each filter, and the first window that has it.

    A NaN is the highest of all, as for torch.

    Args:
        highest: (B, F), of which n columns are written.
        where: (B, F), the same.
    """
    texts, windows, count = products.shape
    for text in range(texts):
        row = highest[text, first : first + count]
        at = where[text, first : first + count]
        row[:] = products[text, 0]
        at[:] = 0
        for window in range(1, windows):
            candidates = products[text, window]
            position = np.int32(window)
            for k in range(count):
                candidate = candidates[k]
                # Selections, not branches: they run on whole vector registers.
                higher = candidate > row[k] or candidate != candidate
                row[k] = candidate if higher else row[k]
                at[k] = position if higher else at[k]


@kernel()
def highest_sums(
    table: FloatArray, first: int, tokens: NDArray[np.int64], shared: NDArray[np.int64], highest: FloatArray
) -> None:
    """Writes the highest window of each filter, from what each token adds to a window at each offset.

    Args:
        table: (D, w, n).
        tokens: (N, T) rows of the table.
        shared: (N,) tokens that a text begins with as the one before it does; [0] is 0. Windows among them are
            those of the text before.
        highest: (N, F), of which n columns are written.
    """
    texts, length = tokens.shape
    _, width, count = table.shape
    total = np.empty(count, np.float32)
    # Row e: the highest of the windows that end at token e or before.
    until = np.empty((length, count), np.float32)
    for text in range(texts):
        for end in range(max(shared[text], width - 1), length):
            begin = end - width + 1
            # Four tokens a pass, as each pass reads and writes the total.
            offset = (width - 1) % 4 + 1
            a = table[tokens[text, begin], 0]
            if offset == 1:
                for k in range(count):
                    total[k] = a[k]
            elif offset == 2:
                b = table[tokens[text, begin + 1], 1]
                for k in range(count):
                    total[k] = a[k] + b[k]
            elif offset == 3:
                b = table[tokens[text, begin + 1], 1]
                c = table[tokens[text, begin + 2], 2]
                for k in range(count):
                    total[k] = a[k] + b[k] + c[k]
            else:
                b = table[tokens[text, begin + 1], 1]
                c = table[tokens[text, begin + 2], 2]
                d = table[tokens[text, begin + 3], 3]
                for k in range(count):
                    total[k] = (a[k] + b[k]) + (c[k] + d[k])
            while offset < width:
                a = table[tokens[text, begin + offset], offset]
                b = table[tokens[text, begin + offset + 1], offset + 1]
                c = table[tokens[text, begin + offset + 2], offset + 2]
                d = table[tokens[text, begin + offset + 3], offset + 3]
                for k in range(count):
                    total[k] += (a[k] + b[k]) + (c[k] + d[k])
                offset += 4
            row = until[end]
            if begin == 0:
                row[:] = total
            else:
                before = until[end - 1]
                for k in range(count):
                    row[k] = total[k] if total[k] > before[k] or total[k] != total[k] else before[k]
        highest[text, first : first + count] = until[length - 1]


@kernel()
def filter_gradients(
    gradient: FloatArray, where: NDArray[np.int32], first: int, size: int, embedded: FloatArray, result: FloatArray
) -> None:
    """Writes the gradient of the filters: of each, the sum over texts of the window that was highest, weighted.

    Args:
        gradient: (B, F) of the features.
        where: (B, F) the window of each feature.
        size: E.
        embedded: (B, T * E).
        result: (n, w * E).
    """
    count, numbers = result.shape
    live = np.empty(len(gradient), np.int64)
    for filter_ in range(count):
        column = first + filter_
        total = result[filter_]
        total[:] = 0
        left = 0
        for text in range(len(gradient)):
            if gradient[text, column] != 0:
                live[left] = text
                left += 1
        # Four texts a pass, as each pass reads and writes the total.
        while left >= 4:
            i, j, k, m = live[left - 4], live[left - 3], live[left - 2], live[left - 1]
            g, h, u, v = gradient[i, column], gradient[j, column], gradient[k, column], gradient[m, column]
            a = embedded[i, where[i, column] * size : where[i, column] * size + numbers]
            b = embedded[j, where[j, column] * size : where[j, column] * size + numbers]
            c = embedded[k, where[k, column] * size : where[k, column] * size + numbers]
            d = embedded[m, where[m, column] * size : where[m, column] * size + numbers]
            for x in range(numbers):
                total[x] += (g * a[x] + h * b[x]) + (u * c[x] + v * d[x])
            left -= 4
        for i in live[:left]:
            g = gradient[i, column]
            a = embedded[i, where[i, column] * size : where[i, column] * size + numbers]
            for x in range(numbers):
                total[x] += g * a[x]


@kernel()
def token_gradients(
    gradient: FloatArray, where: NDArray[np.int32], first: int, size: int, filters: FloatArray, result: FloatArray
) -> None:
    """Adds the gradient of the embedded texts: each filter, weighted, at the window that was highest.

    Args:
        gradient, where, size: as in `filter_gradients`.
        filters: (n, w * E).
        result: (B, T * E).
    """
    count, numbers = filters.shape
    for text in range(len(gradient)):
        for filter_ in range(count):
            weight = gradient[text, first + filter_]
            if weight != 0:
                begin = where[text, first + filter_] * size
                window = result[text, begin : begin + numbers]
                row = filters[filter_]
                for x in range(numbers):
                    window[x] += weight * row[x]
