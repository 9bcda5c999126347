"""Fixtures of the tests of models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.kernel_switch import PATHS, taking


@pytest.fixture(scope="module", params=PATHS)
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """With the kernels, and with torch alone."""
    with taking(request.param):
        yield request.param
