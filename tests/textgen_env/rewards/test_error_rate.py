"""Error rates against jiwer, of whole texts, and of prefixes where they are paid densely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.answers import LETTERS, WORDS, Answers, random_texts
from support.kernel_switch import PATHS, taking
from textgen_env import TextGenVectorEnv
from textgen_env.core import GenerationCore
from textgen_env.rewards.error_rate import ErrorRateReward
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward

FORMS = [(unit, output) for unit in ("word", "character") for output in ("accuracy", "negative")]
VOCABULARIES = {"words": WORDS, "letters": LETTERS}


# Of the module, as hypothesis wants it: one path holds for all examples of a test.
@pytest.fixture(scope="module", params=PATHS, autouse=True)
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    with taking(request.param):
        yield request.param


def edits_and_length(task: Answers, unit: str, text: list[int], reference: list[int]) -> tuple[int, int]:
    """jiwer's edits, and the words or characters of the reference."""
    if unit == "word":
        # Ids, so that a token is a word whatever characters it has.
        said, meant = (" ".join(map(str, each)) for each in (text, reference))
        judged: Any = jiwer.process_words(meant, said)
        length = len(reference)
    else:
        said, meant = task.vocabulary.decode(text), task.vocabulary.decode(reference)
        judged = jiwer.process_characters(meant, said)
        length = len(meant)
    return judged.substitutions + judged.deletions + judged.insertions, length


def judged(task: Answers, form: tuple[str, str], text: list[int], source: int) -> float:
    """jiwer's rate against the best reference."""
    pairs = [edits_and_length(task, form[0], text, reference) for reference in task.of_source(source)]
    rate = min(edits / max(length, 1) for edits, length in pairs)
    return 1 - rate if form[1] == "accuracy" else -rate


def aligned(task: Answers, unit: str, text: list[int], source: int) -> float:
    """-WER of the best alignment with a beginning of a reference."""
    rates = []
    for reference in task.of_source(source):
        if unit == "word":
            beginnings = [reference[:end] for end in range(len(reference) + 1)]
            edits = [edits_and_length(task, unit, text, each)[0] for each in beginnings]
            length = len(reference)
        else:
            said, meant = task.vocabulary.decode(text), task.vocabulary.decode(reference)
            edits = [levenshtein(said, meant[:end]) for end in range(len(meant) + 1)]
            length = len(meant)
        rates.append(min(edits) / max(length, 1))
    return -min(rates)


def levenshtein(text: str, reference: str) -> int:
    """Plainly: jiwer strips a beginning that ends in a blank."""
    table = {(i, 0): i for i in range(len(text) + 1)} | {(0, j): j for j in range(len(reference) + 1)}
    for i, a in enumerate(text, 1):
        for j, b in enumerate(reference, 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
    return table[len(text), len(reference)]


def content(text: np.ndarray) -> list[int]:
    return [token for token in text.tolist() if token > 0]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), form=st.sampled_from(FORMS), vocabulary=st.sampled_from(sorted(VOCABULARIES)))
def test_scores_are_jiwers(seed: int, form: tuple[Any, Any], vocabulary: str) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(VOCABULARIES[vocabulary], seed)
    tokens, lengths, _ = random_texts(rng, task, 12)
    rows = rng.choice(task.sources.pool, size=12)
    scores = ErrorRateReward(*form).bind(task).score(tokens, lengths, task.sources.take(rows))
    expected = [
        judged(task, form, content(text[:length]), source)
        for text, length, source in zip(tokens, lengths, rows, strict=True)
    ]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), form=st.sampled_from(FORMS), vocabulary=st.sampled_from(sorted(VOCABULARIES)))
def test_each_token_is_paid_and_all_of_them_make_the_score(seed: int, form: tuple[Any, Any], vocabulary: str) -> None:
    rng = np.random.default_rng(seed)
    task = Answers(VOCABULARIES[vocabulary], seed)
    reward = ErrorRateReward(*form).bind(task)
    tokens, lengths, _ = random_texts(rng, task, 6)
    rows = rng.choice(task.sources.pool, size=6)
    core = GenerationCore(task, reward, 6, reward_mode="dense")
    core.reset(source=rows)
    for t in range(task.max_length):
        going = np.flatnonzero(lengths > t)
        core.step(tokens[going, t], going)
        for row in going:
            text, ended = content(tokens[row, : t + 1]), lengths[row] == t + 1
            whole = ended or form[1] == "accuracy"
            expected = judged(task, form, text, rows[row]) if whole else aligned(task, form[0], text, rows[row])
            assert core.returns[row] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(core.returns, reward.score(tokens, lengths, task.sources.take(rows)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_a_text_that_begins_with_a_prefix_is_paid_the_rest(form: tuple[Any, Any], vocabulary: str) -> None:
    rng = np.random.default_rng(5)
    task = Answers(VOCABULARIES[vocabulary], 5)
    reward = ErrorRateReward(*form).bind(task)
    tokens = rng.integers(1, len(task.vocabulary), size=(8, task.max_length))
    whole, begun = (GenerationCore(task, reward, 8, reward_mode="dense") for _ in range(2))
    rows = rng.choice(task.sources.pool, size=8)
    whole.reset(source=rows)
    for t in range(3):
        whole.step(tokens[:, t])
    begun.reset(source=rows, prefix=tokens[:, :3])
    for t in range(3, task.max_length):
        np.testing.assert_allclose(
            whole.step(tokens[:, t]).rewards, begun.step(tokens[:, t]).rewards, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_it_is_a_reward(form: tuple[Any, Any], vocabulary: str) -> None:
    check_reward(ErrorRateReward(*form), Answers(VOCABULARIES[vocabulary], 3), tolerance=1e-9)


def test_payments_by_hand() -> None:
    """The reference is "a bat ate", the text "a dog bat"; the end token pays for "ate" where the output is negative."""
    task = Answers(num_sources=2)
    task._references = task._references._replace(
        tokens=np.array([[1, 2, 5, 0, 6, 6, 6]]), lengths=np.array([4]), sources=np.array([0])
    )
    paid = {}
    for output in ("accuracy", "negative"):
        core = GenerationCore(task, ErrorRateReward("word", output), 1, reward_mode="dense")
        core.reset(source=[0])
        paid[output] = [float(core.step([token]).rewards[0]) * 3 for token in (1, 4, 2, 0)]
    # "a dog bat" is two edits away from the reference, and one from its beginning "a bat".
    assert paid["accuracy"] == pytest.approx([1, 0, 0, 0])
    assert paid["negative"] == pytest.approx([0, -1, 0, -1])


def test_by_name_in_the_game_of_number_words() -> None:
    reward = {"name": "error_rate", "unit": "character"}
    env: Any = gym.make("TextGen-NumberWords-v0", reward=reward, reward_mode="dense", max_number=60)
    env.reset(seed=0, options={"source": 21})
    returns = [env.step(token)[1] for token in env.unwrapped.task.vocabulary.encode(["vingt", " et", " un", "<eos>"])]
    assert sum(returns) == pytest.approx(1.0)
    assert returns[:3] == pytest.approx([5 / 11, 3 / 11, 3 / 11])


def test_an_edited_snapshot_is_refused() -> None:
    envs = TextGenVectorEnv(num_envs=2, task=Answers(), reward="error_rate", reward_mode="dense")
    envs.reset(seed=0)
    envs.step(np.array([1, 2]))
    state = envs.snapshot()
    for change in (-1, 5):
        edited = state.reward_state["row"].copy()
        edited[0, 0, 1] += change * 100
        state.reward_state["row"], kept = edited, state.reward_state["row"]
        with pytest.raises(ValueError, match="entry 'row' is not that of prefixes"):
            envs.restore(state)
        state.reward_state["row"] = kept
    envs.restore(state)


@pytest.mark.parametrize("unit", ["word", "character"])
def test_where_all_references_are_empty_each_word_is_an_error(unit: Any) -> None:
    task = Answers(num_sources=2)
    task._references = task._references._replace(
        tokens=np.array([[0, 6, 6, 6, 6, 6, 6]]), lengths=np.array([1]), sources=np.array([0])
    )
    reward = ErrorRateReward(unit, "negative").bind(task)
    texts = np.array([[1, 1, 0, 6, 6, 6, 6], [0, 6, 6, 6, 6, 6, 6]]), np.array([3, 1])
    sources = task.sources.take(np.array([0, 0]))
    # Two words, or "a a".
    written = 2 if unit == "word" else 3
    assert reward.score(*texts, sources).tolist() == [-written, 0]
    assert [each.tolist() for each in reward.nearest(*texts, sources)] == [[written, 0], [0, 0]]


def test_refuses() -> None:
    task = Answers()
    text = np.array([[1, 0]]), np.array([2])
    with pytest.raises(ValueError, match="unit='letter' must be one of 'word', 'character'"):
        ErrorRateReward(unit="letter")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="output='wer' must be one of 'accuracy', 'negative'"):
        ErrorRateReward(output="wer")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="TinyTask has no sources; choose a conditional task"):
        ErrorRateReward().bind(TinyTask())
    with pytest.raises(RuntimeError, match=r"not bound.*use reward\.bind"):
        ErrorRateReward().score(*text)
    reward = ErrorRateReward().bind(task)
    assert reward.bind(task) is reward
    with pytest.raises(ValueError, match="sources=None"):
        reward.score(*text)
    for asked in (reward.score, reward.begin):
        with pytest.raises(ValueError, match="holds 1, a source without references"):
            asked(*text, task.sources.take(np.array([1])))
