"""Fonts for Chinese, Japanese and Korean: taken where the system has one, done without where it has none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import ImageFont

from textgen_env import BaseTask, GenerationCore, Vocabulary
from textgen_env.rendering import fonts
from textgen_env.rendering.fonts import cjk_font, font_of, is_cjk, writes_cjk
from textgen_env.rendering.frames import render_row
from textgen_env.rewards.base import FunctionReward


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    for kept in (font_of, cjk_font):
        kept.cache_clear()
    yield
    for kept in (font_of, cjk_font):
        kept.cache_clear()


class Characters(BaseTask):
    """Chinese characters."""

    vocabulary = Vocabulary("秦川雄帝宅函谷壮皇居", separator="")
    max_length = 20


def drawn(keys: list[int]) -> np.ndarray:
    core = GenerationCore(Characters(), FunctionReward(lambda tokens, lengths, sources=None: np.zeros(len(tokens))))
    core.reset()
    for key in keys:
        core.step([key])
    return render_row(core, 0, "rgb_array")


def test_letters_are_told_by_their_code_points() -> None:
    assert all(map(is_cjk, "秦川あ한豈𠀀"))
    assert not any(map(is_cjk, "aé∑с😀"))
    assert writes_cjk(Characters.vocabulary)
    assert not writes_cjk(Vocabulary(["a", "b"]))


def test_the_first_font_of_the_system_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def truetype(name: str, size: int) -> str:
        asked.append((name, size))
        if name != fonts.CJK_FONTS[2]:
            raise OSError("cannot open resource")
        return f"{name} at {size}"

    monkeypatch.setattr(ImageFont, "truetype", truetype)
    assert font_of(30, cjk=True) == f"{fonts.CJK_FONTS[2]} at 30"
    assert asked == [(name, 30) for name in fonts.CJK_FONTS[:3]]
    monkeypatch.setattr(ImageFont, "load_default", lambda size: f"default at {size}")
    assert font_of(30) == "default at 30"
    assert len(asked) == 3


def test_without_one_boxes_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "CJK_FONTS", ("no such font.ttc",))
    one, other = drawn([0, 1, 2]), drawn([3, 4, 5])
    assert (one != 255).any()
    np.testing.assert_array_equal(one, other)


def test_with_one_characters_differ() -> None:
    if cjk_font(20) is None:
        pytest.skip("no font for Chinese is installed")
    assert (drawn([0, 1, 2]) != drawn([3, 4, 5])).any()
