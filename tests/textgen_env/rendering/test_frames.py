"""Rendering of a text: in each mode, at each stage, in every script."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo
from PIL import ImageFont

from textgen_env import BaseTask, GenerationCore, TextGenEnv, Vocabulary
from textgen_env.rendering.frames import HEIGHT, MARGIN, WIDTH, _drawable, _wrapped, render_row
from textgen_env.rewards.base import FunctionReward

SMALL = "TextGen-OracleSmall-v0"


class WordsTask(BaseTask):
    """Any words, as many as one likes."""

    def __init__(self, words: list[str], max_length: int, separator: str = " ") -> None:
        self.vocabulary = Vocabulary(["<eos>", *words], eos="<eos>", separator=separator)
        self.max_length = max_length


def half_a_point_each(tokens: np.ndarray, lengths: np.ndarray, sources: object = None) -> np.ndarray:
    return lengths / 2


def written(words: list[str], max_length: int, chosen: list[int], separator: str = " ") -> GenerationCore:
    """A text of the `chosen` tokens, paid half a point each, in row 1 of 2; row 0 holds one token."""
    task = WordsTask(words, max_length, separator)
    core = GenerationCore(task, FunctionReward(half_a_point_each), 2, reward_mode="dense")
    core.reset()
    core.step([1, chosen[0]])
    for token in chosen[1:]:
        core.step([token], np.array([1]))
    return core


def ink(image: np.ndarray, top: int = 65, bottom: int = 285) -> np.ndarray:
    """Which pixels of the text's part of the image are not paper."""
    return (image[top:bottom] != 255).any(2)


def test_ansi_shows_text_rewards_and_progress() -> None:
    env = gymnasium.make("TextGen-Tiny-v0", render_mode="ansi")
    env.reset()
    assert env.render() == "text:   _\ntoken 0 of 5 | last reward 0.000 | total 0.000"
    total = 0.0
    for token in (1, 3):
        _, reward, _, _, _ = env.step(token)
        total += float(reward)
    assert env.render() == f"text:   a c _\ntoken 2 of 5 | last reward {reward:.3f} | total {total:.3f}"
    _, reward, _, _, _ = env.step(0)
    assert env.render() == (
        f"text:   a c\ntoken 3 of 5 | ended by the end token | last reward {reward:.3f} | total {total + reward:.3f}"
    )
    env.reset()
    for _ in range(5):
        env.step(2)
    assert env.render().startswith("text:   b b b b b\ntoken 5 of 5 | ended by the length | ")


def test_ansi_shows_the_source(echo_task: Any) -> None:
    env = TextGenEnv(echo_task, half_a_point_each, render_mode="ansi")
    env.reset(options={"source": 8})
    env.step(2)
    assert env.render().splitlines()[:2] == ["source: bc", "text:   b_"]


def test_human_prints_each_state(capsys: pytest.CaptureFixture[str]) -> None:
    env = gymnasium.make(SMALL, render_mode="human")
    env.reset()
    assert capsys.readouterr().out.startswith("text:   _\ntoken 0 of 10")
    env.step(42)
    assert capsys.readouterr().out.startswith("text:   42 _\ntoken 1 of 10")
    assert env.render() is None
    assert capsys.readouterr().out.startswith("text:   42 _\n")


def test_rows_are_told_apart() -> None:
    envs = gymnasium.make_vec(SMALL, num_envs=2, render_mode="ansi")
    envs.reset()
    envs.step(np.array([41, 42]))
    frames = envs.render()
    assert frames is not None
    assert [frame.splitlines()[0] for frame in frames] == ["text:   41 _", "text:   42 _"]


def test_images_are_of_one_size_and_change_with_every_token() -> None:
    env = gymnasium.make(SMALL, render_mode="rgb_array")
    env.reset()
    frames = [env.render()]
    for token in range(10):
        env.step(token)
        frames.append(env.render())
    assert {(frame.shape, frame.dtype) for frame in frames} == {((HEIGHT, WIDTH, 3), np.dtype(np.uint8))}
    # Video codecs take even sides.
    assert HEIGHT % 2 == WIDTH % 2 == 0
    assert len({frame.tobytes() for frame in frames}) == len(frames)
    np.testing.assert_array_equal(frames[-1], env.render())
    frames[-1][:] = 0
    assert env.render().any()


def test_the_text_grows_and_the_cursor_goes_when_it_ends() -> None:
    words = ["alpha", "beta"]
    begun, ended = (render_row(written(words, 9, chosen), 1, "rgb_array") for chosen in ([1, 2], [1, 2, 0]))
    cursor = np.array([9, 105, 218])
    assert (begun[65:285] == cursor).all(2).any()
    assert not (ended[65:285] == cursor).all(2).any()
    longer = render_row(written(words, 9, [1, 2, 1, 2]), 1, "rgb_array")
    assert ink(longer).any(0).nonzero()[0].max() > ink(begun).any(0).nonzero()[0].max() + 50
    # The bar below: two of nine, three of nine.
    bars = [(image[333] == cursor).all(1).sum() for image in (begun, ended)]
    assert bars[1] - bars[0] == pytest.approx((WIDTH - 2 * MARGIN) / 9, abs=1.5)


@pytest.mark.parametrize(("words", "separator"), [(["wonderful"], " "), (["o"], ""), (["x" * 150], " "), (["W\n"], "")])
@pytest.mark.parametrize("length", [1, 40, 399])
def test_text_stays_within_its_frame(words: list[str], separator: str, length: int) -> None:
    core = written(words, 400, [1] * length, separator)
    core.returns[1] = -123_456.789
    image = render_row(core, 1, "rgb_array")
    used = (image != 255).any(2)
    assert not used[:, : MARGIN - 2].any()
    assert not used[:, WIDTH - MARGIN + 2 :].any()
    assert ink(image).any()
    # Between the text and the line of figures.
    assert not used[284:294].any()


def test_of_a_long_text_the_end_is_shown() -> None:
    one, other = (written(["w"], 500, [1] * length) for length in (480, 481))
    images = [ink(render_row(core, 1, "rgb_array")) for core in (one, other)]
    assert (images[0] != images[1]).any()


def test_letters_that_the_font_lacks_are_replaced() -> None:
    font = ImageFont.load_default(size=20)
    assert _drawable("zéro fünf dreißig ｏn", font) == "zero funf dreissig on"
    assert _drawable("a\tb\nc", font) == "a b\nc"
    assert _drawable("сто 百 ∑", font) == "сто 百 ∑"
    image = render_row(written(["сто", "百", "\x07", "e\u0301", "\U0001f600"], 9, [1, 2, 3, 4, 5]), 1, "rgb_array")
    assert ink(image).sum() > ink(render_row(written(["i"], 9, [1]), 1, "rgb_array")).sum()


def test_wrapping_keeps_every_word() -> None:
    font = ImageFont.load_default(size=20)
    text = "a few words and oneverylongwordthatfitsnoline at\nall"
    lines = _wrapped(text, font, 120)
    assert max(map(font.getlength, lines)) <= 120
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert lines[-1] == "all"
    assert lines[0] == "a few words"


def test_a_source_too_long_for_its_line_is_cut(echo_task: Any) -> None:
    echo_task.sources.vocabulary.separator = " and then, after a while, without any hurry, "
    core = GenerationCore(echo_task, FunctionReward(half_a_point_each))
    core.reset(source=20)
    image = render_row(core, 0, "rgb_array")
    assert not (image[:, WIDTH - MARGIN + 2 :] != 255).any()


@pytest.mark.parametrize("id", [SMALL, "TextGen-NumberWords-v0"])
def test_record_video_takes_the_frames(id: str, tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    folder = tmp_path / "videos"
    env = RecordVideo(gymnasium.make(id, render_mode="rgb_array"), str(folder), episode_trigger=lambda _: True)
    for _ in range(2):
        env.reset()
        terminated = False
        while not terminated:
            _, _, terminated, _, _ = env.step(1)
    env.close()
    videos = sorted(folder.glob("*.mp4"))
    assert len(videos) == 2
    assert all(video.stat().st_size > 1_000 for video in videos)


def test_without_pillow_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    core = written(["a"], 3, [1])
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "textgen-env\[render\]"'):
        render_row(core, 1, "rgb_array")
    assert render_row(core, 1, "ansi").startswith("text:   a _")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode='video' must be"):
        render_row(written(["a"], 3, [1]), 1, "video")
