"""A reset that is not allowed is refused by name, and the texts under way, their seeds and generators are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.games import VIEWS, Refused, act, constant, made
from textgen_env import TextGenEnv, TextGenVectorEnv

BAD_PREFIXES = [
    ([], ValueError, r"prefix=\[\] has shape \(0,\); expected .* 0 < P < 5: not empty"),
    ([1] * 5, ValueError, r"prefix=\[1, 1, 1, 1, 1\] has shape \(5,\); expected .* with room for a token"),
    ([1] * 9, ValueError, r"has shape \(9,\); expected"),
    (1, ValueError, r"prefix=1 has shape \(\); expected"),
    ([[[1]]], ValueError, r"has shape \(1, 1, 1\); expected"),
    ([[1], [1], [1]], ValueError, r"has shape \(3, 1\); expected \(P,\) or \(\d, P\)"),
    ([4], ValueError, r"prefix holds 4; allowed are the token ids 0 to 3 except the end token 0"),
    ([1, -1], ValueError, r"prefix holds -1; allowed"),
    ([1, 0, 1], ValueError, r"prefix holds 0; allowed .* except the end token 0"),
    ([1.0], TypeError, r"prefix=\[1\.0\] has type float64, expected whole numbers"),
    ([True], TypeError, r"prefix=\[True\] has type bool"),
    ("ab", TypeError, r"prefix='ab' has type <U2"),
    ([None], TypeError, r"prefix=\[None\] has type object"),
    ([[1], [1, 2]], ValueError, r"prefix=\[\[1\], \[1, 2\]\] is ragged"),
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("prefix", "error", "message"), BAD_PREFIXES)
def test_a_bad_prefix(view: str, prefix: Any, error: type[Exception], message: str, refused: Refused) -> None:
    env = made(view)
    env.reset(seed=0)
    env.step(act(view, 1))
    with refused(env, error, message):
        env.reset(seed=7, options={"prefix": prefix})


def test_a_prefix_that_is_masked(no_repeat_task: Any, refused: Refused) -> None:
    env = TextGenEnv(no_repeat_task, constant)
    env.reset(seed=0)
    with refused(env, ValueError, r"prefix=\[2\]: token 2 is masked after 0 tokens"):
        env.reset(options={"prefix": [2]})
    with refused(env, ValueError, r"prefix=\[1, 2, 2\]: token 2 is masked after 2 tokens"):
        env.reset(options={"prefix": [1, 2, 2]})


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (39, ValueError, r"source=39 must be one row of the source table, 0 to 38, or \d rows"),
        (-1, ValueError, r"source=-1 must be"),
        ([1, 2, 3], ValueError, r"source=\[1, 2, 3\] must be"),
        ([], (ValueError, TypeError), r"source=\[\]"),
        (1.0, TypeError, r"source=1\.0 has type float64, expected whole numbers"),
        (True, TypeError, r"source=True has type bool"),
        ("ab", TypeError, r"source='ab' has type <U2"),
        ([[1], 2], ValueError, r"source=\[\[1\], 2\] is ragged"),
    ],
)
def test_a_bad_source(
    echo_task: Any, many: bool, source: Any, error: type[Exception], message: str, refused: Refused
) -> None:
    env: Any = TextGenVectorEnv(echo_task, constant, 2) if many else TextGenEnv(echo_task, constant)
    env.reset(seed=0)
    with refused(env, error, message):
        env.reset(seed=5, options={"source": source})


def test_a_source_where_there_are_none(refused: Refused) -> None:
    env = made("single")
    env.reset(seed=0)
    with refused(env, ValueError, r"source=3: this task is unconditional; it has no sources"):
        env.reset(options={"source": 3})
    with refused(env, ValueError, r"sources=\[3\]: this task is unconditional"):
        env.score([[1]], sources=[3])


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prefx": [1]}, ValueError, r"options\['prefx'\]=\[1\]: allowed are prefix, source"),
        ([("prefix", [1])], TypeError, r"options=\[.*\] must be a dict or None, got list"),
        ("prefix", TypeError, r"options='prefix' must be a dict or None, got str"),
    ],
)
def test_bad_options(view: str, options: Any, error: type[Exception], message: str, refused: Refused) -> None:
    env = made(view)
    env.reset(seed=0)
    with refused(env, error, message):
        env.reset(seed=3, options=options)


def test_a_single_env_has_no_reset_mask(refused: Refused) -> None:
    env = made("single")
    env.reset(seed=0)
    with refused(env, ValueError, r"options\['reset_mask'\]=.*: allowed are prefix, source$"):
        env.reset(options={"reset_mask": np.ones(1, bool)})


@pytest.mark.parametrize("mode", VIEWS[1:])
@pytest.mark.parametrize(
    ("mask", "error"),
    [
        ([True, False], TypeError),
        (np.array([1, 0]), TypeError),
        (True, TypeError),
        (np.array([True]), ValueError),
        (np.array([[True, False]]), ValueError),
        (np.zeros(2, bool), ValueError),
    ],
)
def test_a_bad_reset_mask(mode: str, mask: Any, error: type[Exception], refused: Refused) -> None:
    envs = made(mode)
    envs.reset(seed=0)
    envs.step([1, 2])
    with refused(envs, error, r"options\['reset_mask'\]=.* must be an? (NumPy )?array"):
        envs.reset(seed=3, options={"reset_mask": mask})


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        ([1], ValueError, r"seed=\[1\] has 1 entries, expected one number, or one for 2 rows"),
        ([1, 2, 3], ValueError, r"has 3 entries"),
        (np.arange(3), ValueError, r"has 3 entries"),
        ([1, -2], ValueError, r"seed\[1\]=-2 must be a whole number >= 0"),
        ([1, 2.5], TypeError, r"seed\[1\]=2.5 must be a whole number >= 0"),
        (-1, ValueError, r"seed=-1 must be a whole number >= 0"),
        (1.5, TypeError, r"seed=1.5 must be"),
        ("ab", TypeError, r"seed='ab' must be"),
        (True, TypeError, r"seed=True must be"),
    ],
)
def test_bad_seeds_of_rows(echo_task: Any, seed: Any, error: type[Exception], message: str, refused: Refused) -> None:
    envs = TextGenVectorEnv(echo_task, constant, num_envs=2)
    envs.reset(seed=0)
    with refused(envs, error, message):
        envs.reset(seed=seed)
    assert envs.np_random_seed == (0, 1)


@pytest.mark.parametrize("seed", [-1, 1.5, "ab"])
def test_bad_seeds_of_a_single_env(echo_task: Any, seed: Any, refused: Refused) -> None:
    env = TextGenEnv(echo_task, constant)
    env.reset(seed=0)
    with refused(env, (TypeError, ValueError), rf"seed={seed!r} must be a whole number >= 0"):
        env.reset(seed=seed)
    assert env.np_random_seed == 0
