"""Both paths of the metrics that have compiled loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.kernel_switch import PATHS, taking


# Of a module, as hypothesis wants it: one path holds for all examples of a test.
@pytest.fixture(scope="module", params=PATHS)
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test with the compiled loops, and with NumPy alone."""
    with taking(request.param):
        yield request.param
