"""Errors: what is not allowed is refused with one that names the argument, its value and what is allowed, and a game
that is under way goes on as if nothing had been asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.error import InvalidAction, ResetNeeded

from support.games import VIEWS, Refused, act, constant, made
from textgen_env import TextGenEnv, TextGenVectorEnv, Vocabulary
from textgen_env.tasks.tiny import TinyTask


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("token", "message"),
    [
        (4, r"action=4 in row \d is out of range; token ids are 0 to 3"),
        (-1, r"action=-1 in row \d is out of range"),
        (np.int64(99), r"action=99 in row \d is out of range"),
        (np.uint64(2**63 + 1), rf"action={2**63 + 1} in row \d|has type float64"),
        (1.0, r"action=.*1\.0.* has type float64, expected whole numbers"),
        (np.float32(1), r"action=.* has type float"),
        (None, r"action=.*None.* has type object"),
        ("a", r"action=.*'a'.* has type <U"),
        ([1], r"action=.* (has shape \(1, 1\)|is ragged), expected"),
        ([1, 2], r"action=.* (has shape \(1, 2\)|is ragged), expected"),
        ([[1], 2], r"action=.* is ragged, expected"),
        (np.array([1]), r"action=.* (has shape \(1, 1\)|is ragged), expected"),
    ],
)
def test_an_action_that_is_no_token_id(view: str, token: Any, message: str, refused: Refused) -> None:
    env = made(view)
    env.reset(seed=0)
    env.step(1 if view == "single" else [1, 1])
    with refused(env, InvalidAction, message):
        env.step(act(view, token))


def test_a_truth_value_is_no_token_id(refused: Refused) -> None:
    env, envs = made("single"), made("NextStep")
    env.reset(seed=0)
    envs.reset(seed=0)
    with refused(env, InvalidAction, r"action=True has type bool"):
        env.step(True)
    with refused(envs, InvalidAction, r"has type bool"):
        envs.step(np.array([True, False]))


@pytest.mark.parametrize("mode", VIEWS[1:])
@pytest.mark.parametrize("actions", [1, [1], [1, 1, 1], [[1, 1]], [[1], [1]], None, "12", [], [0.0, 1.0], [[1], 2]])
def test_actions_that_are_not_one_for_each_row(mode: str, actions: Any, refused: Refused) -> None:
    envs = made(mode)
    envs.reset(seed=0)
    with refused(envs, InvalidAction, r"action=.* (has shape .*, expected \(2,\)|is ragged|has type float64)"):
        envs.step(actions)
    # NEXT_STEP ignores the action of a row that has ended, but not what it ignores it in.
    envs.step([0, 1])
    if mode == "NextStep":
        with refused(envs, InvalidAction, r"action=.* (has shape .*, expected \(2,\)|is ragged|has type float64)"):
            envs.step(actions)


@pytest.mark.parametrize("view", VIEWS)
def test_a_masked_action(view: str, refused: Refused) -> None:
    env = made(view, min_length=2)
    env.reset(seed=0)
    with refused(
        env, InvalidAction, r"action=0 \('<eos>'\) in row \d is masked after 0 tokens; choose one that action_"
    ):
        env.step(act(view, 0))


@pytest.mark.parametrize("view", VIEWS)
def test_step_before_reset(view: str, refused: Refused) -> None:
    env = made(view)
    with refused(env, ResetNeeded, r"the text in row 0 has not begun; call reset\(\) before step\(\)"):
        env.step(act(view, 1))


@pytest.mark.parametrize("view", ["single", "Disabled"])
def test_step_after_the_end(view: str, refused: Refused) -> None:
    env = made(view)
    env.reset(seed=0)
    env.step(act(view, 0))
    with refused(env, ResetNeeded, r"the text in row \d has ended; call reset\(\) before step\(\)"):
        env.step(act(view, 1))


@pytest.mark.parametrize("through", [gymnasium.make, gymnasium.make_vec])
@pytest.mark.parametrize(
    ("id", "kwargs", "error", "message"),
    [
        ("Oracle", {"vocab_size": 0}, ValueError, r"vocab_size=0 must be a whole number >= 1"),
        ("Oracle", {"vocab_size": -5}, ValueError, r"vocab_size=-5 must be"),
        ("Oracle", {"vocab_size": 2.0}, TypeError, r"vocab_size=2.0 must be a whole number >= 1, got float"),
        ("Oracle", {"vocab_size": "7"}, TypeError, r"vocab_size='7' must be"),
        ("Oracle", {"vocab_size": True}, TypeError, r"vocab_size=True must be a whole number >= 1, got bool"),
        ("Oracle", {"max_length": 0}, ValueError, r"max_length=0 must be a whole number >= 1"),
        ("Oracle", {"max_length": None}, TypeError, r"max_length=None must be"),
        ("Oracle", {"seed": -1}, ValueError, r"seed=-1 must be a whole number >= 0"),
        ("Oracle", {"train_size": 0}, ValueError, r"train_size=0 must be"),
        ("Oracle", {"test_size": 0}, ValueError, r"test_size=0 must be"),
        ("Tiny", {"vocab_size": 0}, ValueError, r"vocab_size=0 must be a whole number >= 1"),
        ("Tiny", {"max_length": -1}, ValueError, r"max_length=-1 must be"),
        ("Tiny", {"seed": "x"}, TypeError, r"seed='x' must be"),
        ("Tiny", {"seed": 0.5}, TypeError, r"seed=0.5 must be"),
        ("Tiny", {"vocab_size": 5000}, ValueError, r"vocab_size=5000 and max_length=5 need more than 10000000 entries"),
        ("Tiny", {"max_length": 10**9}, ValueError, r"max_length=1000000000 would take 7,451 GiB"),
        ("Tiny", {"min_length": -1}, ValueError, r"min_length=-1 must be a whole number >= 0"),
        ("Tiny", {"min_length": 1.0}, TypeError, r"min_length=1.0 must be"),
        ("Tiny", {"min_length": 5}, ValueError, r"min_length=5 must be below max_length=5"),
        (
            "Tiny",
            {"min_length": 1, "vocab_size": 1},
            ValueError,
            r"min_length=1 must be .* 0 where the end token is the",
        ),
        ("Tiny", {"reward_mode": "sparse"}, ValueError, r"reward_mode='sparse' must be 'terminal', 'dense' or None"),
        (
            "Tiny",
            {"reward": "likelihood"},
            ValueError,
            r"reward 'likelihood' needs a task with a language model; TinyTask",
        ),
        ("Captions", {"max_length": 0}, ValueError, r"max_length=0 must be"),
    ],
)
def test_bad_kwargs(
    through: Callable[..., Any], id: str, kwargs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        through(f"TextGen-{id}-v0", **kwargs)


@pytest.mark.parametrize("mode", ["gif", "", 1])
def test_a_bad_render_mode(mode: Any) -> None:
    for view in VIEWS:
        with pytest.raises(ValueError, match=rf"render_mode={mode!r} must be one of ansi, human, rgb_array, or None"):
            made(view, render_mode=mode)


@pytest.mark.parametrize(
    ("num_envs", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("2", TypeError), (True, TypeError)]
)
def test_a_bad_num_envs(num_envs: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"num_envs={num_envs!r} must be a whole number >= 1"):
        TextGenVectorEnv("tiny", "table", num_envs=num_envs)


@pytest.mark.parametrize("mode", ["Never", None, 1])
def test_a_bad_autoreset_mode(mode: Any) -> None:
    message = rf"autoreset_mode={mode!r} must be one of 'NextStep', 'SameStep', 'Disabled'"
    with pytest.raises(ValueError, match=message):
        gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode=mode)


def test_a_task_whose_masks_are_none(no_repeat_task: Any, refused: Refused) -> None:
    for mask in (np.ones((1, 3), bool), np.ones(4, bool), np.ones((1, 4))):
        no_repeat_task.allowed_tokens = lambda tokens, lengths, mask=mask: mask
        env = TextGenEnv(no_repeat_task, constant)
        env.reset(seed=0)
        with refused(env, ValueError, r"NoRepeatTask.allowed_tokens returned .*, expected bool \(1, 4\)"):
            env.step(1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1, 2],), ValueError, r"tokens has shape \(2,\), expected \(N, T\) with T <= 5; wrap one text as \[text\]"),
        (([[1] * 6],), ValueError, r"tokens has shape \(1, 6\), expected"),
        (([[5]],), ValueError, r"tokens holds 5; allowed are the ids 0 to 3, and 4 for a blank"),
        (([[-1]],), ValueError, r"tokens holds -1; allowed"),
        (([[1.0]],), TypeError, r"tokens=\[\[1.0\]\] has type float64, expected whole numbers"),
        (([["a"]],), TypeError, r"tokens=\[\['a'\]\] has type <U1"),
        (([[1], [1, 2]],), ValueError, r"tokens=\[\[1\], \[1, 2\]\] is ragged"),
        (([[1, 2]], [3]), ValueError, r"lengths\[0\]=3 must be 0 to 2, where text 0 ends"),
        (([[1, 0, 2]], [3]), ValueError, r"lengths\[0\]=3 must be 0 to 2"),
        (([[1, 2]], [-1]), ValueError, r"lengths\[0\]=-1 must be"),
        (([[1, 2]], [1, 1]), ValueError, r"lengths has shape \(2,\), expected \(1,\)"),
        (([[1, 2]], [1.0]), TypeError, r"lengths=\[1.0\] has type float64"),
    ],
)
def test_score_of_what_are_no_texts(arguments: Any, error: type[Exception], message: str, refused: Refused) -> None:
    env = made("single")
    env.reset(seed=0)
    with refused(env, error, message):
        env.score(*arguments)


def test_score_of_a_conditional_task_needs_sources(echo_task: Any) -> None:
    env = TextGenEnv(echo_task, constant)
    with pytest.raises(
        ValueError, match=r"sources: a conditional task needs the row of the source table for each text"
    ):
        env.score([[1, 0]])
    with pytest.raises(ValueError, match=r"sources=\[39\] must be one row of the source table, 0 to 38"):
        env.score([[1, 0]], sources=[39])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), ValueError, "tokens: got an empty sequence"),
        ((["a", "b", "a"],), ValueError, "tokens: 'a' occurs twice"),
        ((["a", 1],), TypeError, r"tokens\[1\]=1 is a int; every token must be a string"),
        ((["a", None],), TypeError, r"tokens\[1\]=None is a NoneType; every token must be a string"),
        ((b"ab",), TypeError, r"tokens\[0\]=97 is a int"),
        ((7,), TypeError, "tokens=7 must be a sequence of strings, got int"),
        ((["a"], None, None), TypeError, "separator=None must be a string, got NoneType"),
        ((["a"], "<eos>"), ValueError, "eos='<eos>' is not among the 1 tokens"),
        ((["a"], None, " ", None, "<unk>"), ValueError, "unknown='<unk>' is not among the 1 tokens"),
    ],
)
def test_a_bad_vocabulary(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Vocabulary(*arguments)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([-1], ValueError, "ids holds -1; allowed are the token ids 0 to 1, and 2 for a blank"),
        ([0, 3], ValueError, "ids holds 3"),
        ([2, 10**30], TypeError, "whole numbers"),
        ([1.0], TypeError, "ids=.* has type float64, expected whole numbers"),
        ([True], TypeError, "has type bool"),
        ([None], TypeError, "has type object"),
        (["a"], TypeError, "has type <U1"),
        ([[0, 1]], ValueError, r"has shape \(1, 2\), expected \(L,\)"),
        ([[0], [0, 1]], TypeError, "must be a row of token ids"),
        (0, TypeError, "ids=0 must be a row of token ids"),
    ],
)
def test_ids_that_are_none(ids: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Vocabulary(["a", "b"]).decode(ids)


@pytest.mark.parametrize("ids", [[0, 1, 2, 0], np.array([0, 1], np.uint8), iter([0, 1]), torch.tensor([0, 1, 2])])
def test_ids_of_every_form_are_decoded(ids: Any) -> None:
    assert Vocabulary(["a", "b"]).decode(ids) == "a b"
    assert Vocabulary(["a", "b"]).decode([]) == ""


@pytest.mark.parametrize(
    ("pieces", "error", "message"),
    [
        ("a b", TypeError, "pieces='a b' must be a sequence of tokens, got str"),
        (3, TypeError, "pieces=3 must be a sequence of tokens"),
        (["a", None], TypeError, "pieces holds None, a NoneType"),
        ([["a"]], TypeError, r"pieces holds \['a'\], a list"),
    ],
)
def test_pieces_that_are_none(pieces: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Vocabulary(["a", "b"]).encode(pieces)


def test_a_token_outside_the_vocabulary() -> None:
    with pytest.raises(ValueError, match="token 'z' is not among the 2 tokens"):
        Vocabulary(["a", "b"]).encode(["a", "z"])


class _DeadEnd(TinyTask):
    """Nothing may follow two tokens."""

    def allowed_tokens(self, tokens: Any, lengths: Any) -> Any:
        allowed = np.ones((len(tokens), len(self.vocabulary)), bool)
        allowed[lengths == 2] = False
        return allowed


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_a_mask_that_leaves_nothing_is_told_with_the_prefix(reward_mode: Any) -> None:
    envs = TextGenVectorEnv(_DeadEnd(), "constant", 3, reward_mode=reward_mode)
    envs.reset(seed=0)
    envs.step([1, 2, 3])
    envs.step([2, 2, 1])
    before = envs.snapshot()
    message = r"_DeadEnd\.allowed_tokens leaves no token after the 2 tokens \[1, 2\] \('.*'\) in row 0.*check_task"
    for ask in (lambda: envs.step([1, 1, 1]), envs.action_masks):
        with pytest.raises(ValueError, match=message):
            ask()
    assert np.array_equal(envs.snapshot().tokens, before.tokens)


@pytest.mark.parametrize("view", VIEWS)
def test_an_action_that_takes_part_in_differentiation_is_refused(view: str, refused: Refused) -> None:
    env = made(view)
    env.reset(seed=0)
    action = torch.tensor(1.0 if view == "single" else [1.0, 1.0], requires_grad=True)
    with refused(env, InvalidAction, r"(?s)cannot be read as whole numbers.*action\.detach\(\)"):
        env.step(action)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (np.array(3), TypeError, r"seed=array\(3\) must be a whole number >= 0, got ndarray"),
        (True, TypeError, "seed=True must be a whole number >= 0, got bool"),
        (3.0, TypeError, "seed=3.0 must be a whole number >= 0, got float"),
        ("3", TypeError, "seed='3' must be a whole number >= 0, got str"),
        (-1, ValueError, "seed=-1 must be a whole number >= 0"),
    ],
)
def test_a_seed_that_is_none_is_refused_alike_by_every_view(view: str, seed: Any, error: Any, message: str) -> None:
    env = made(view)
    with pytest.raises(error, match=message):
        env.reset(seed=seed)


def test_a_seed_of_numpys_is_the_same_seed() -> None:
    env = made("single")
    for seed in (np.int64(3), np.uint8(3), 3):
        env.reset(seed=seed)
        assert env.unwrapped.np_random.integers(10**9) == np.random.default_rng(3).integers(10**9)
        assert env.unwrapped.np_random_seed == 3
