"""Where the names of lines go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread_apart(heights: Sequence[float], gap: float, within: tuple[float, float] = (-np.inf, np.inf)) -> list[float]:
    """Places near `heights` that lie at least `gap` apart, in the same order: where labels beside them go.

    Neighbours that are too close become one block around their mean height, and blocks that then touch join. What
    reaches out of `within` is moved into it; from above first, if there is not room for all.
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[tuple[float, list[int]]] = []  # centre, members from the lowest
    for i in order:
        centre, members = heights[i], [i]
        while blocks and centre - gap * (len(members) - 1) / 2 < blocks[-1][0] + gap * (len(blocks[-1][1]) + 1) / 2:
            below_centre, below = blocks.pop()
            centre = (below_centre * len(below) + centre * len(members)) / (len(below) + len(members))
            members = below + members
        blocks.append((centre, members))
    places = [0.0] * len(heights)
    for centre, members in blocks:
        for position, i in enumerate(members):
            places[i] = centre + gap * (position - (len(members) - 1) / 2)
    lowest, highest = within
    for i in order:
        places[i] = max(places[i], lowest)
        lowest = places[i] + gap
    for i in reversed(order):
        places[i] = min(places[i], highest)
        highest = places[i] - gap
    return places
