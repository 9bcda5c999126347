"""Rendering of one row: a few lines of text, or an image."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.core import GenerationCore
from textgen_env.plain_text import plain_text, print_text
from textgen_env.rendering.fonts import cjk_font, font_of, writes_cjk
from textgen_env.rendering.piano_roll import draw_roll, melody_of
from textgen_env.tasks.pitches import HasPitches

WIDTH, HEIGHT, MARGIN = 640, 360, 24
TEXT_TOP, TEXT_BOTTOM = 76, 280
FONT_SIZES = (30, 24, 19, 15)
LINE_SPACING = 1.3
MOST_LETTERS = 2_000
"""More than an image holds, of the narrowest letters in the smallest size."""
PAPER, INK, GREY, RULE, ACCENT = "#ffffff", "#1b1f24", "#6a737d", "#e1e4e8", "#0969da"


def render_row(core: GenerationCore, row: int, mode: str) -> Any:
    """The text that `row` is writing, or has ended and not begun anew.

    Args:
        core: the game.
        row: 0 <= row < N.
        mode: "ansi", "human" or "rgb_array".

    Returns:
        "ansi": a string of the source (if there is one), the text so far, the last token's reward and the total, in
        the reward's unit. "human": None; that string is printed. "rgb_array": the same as an image, (360, 640, 3)
        uint8, of the one size that a video needs; a text of pitches is a piano roll there. Its font is the one that
        ships with pillow, of plain Latin letters: accents are dropped, and letters of other scripts are boxes; where
        the task's tokens are Chinese, Japanese or Korean, it is the first of
        `textgen_env.rendering.fonts.CJK_FONTS` that the system has.

    Raises:
        ImportError: "rgb_array" without pillow.
        ValueError: another mode.
    """
    if mode == "ansi":
        return _described(core, row)
    if mode == "human":
        print_text(_described(core, row))
        return None
    if mode == "rgb_array":
        return _drawn(core, row)
    raise ValueError(f"mode={mode!r} must be 'ansi', 'human' or 'rgb_array'")


def _described(core: GenerationCore, row: int) -> str:
    source = _source(core, row)
    lines = [] if source is None else [f"source: {source}"]
    text = _text(core, row)
    if core.running[row]:
        text += (core.task.vocabulary.separator if text else "") + "_"
    lines.append(f"text:   {text}")
    shown = (_progress(core, row), _ending(core, row), _rewards(core, row))
    lines.append(" | ".join(part for part in shown if part))
    return "\n".join(lines)


def _text(core: GenerationCore, row: int) -> str:
    return plain_text(core.task.vocabulary.decode(core.tokens[row].tolist()))


def _source(core: GenerationCore, row: int) -> str | None:
    sources = core.task.sources
    if sources is None or core.source_indices is None:
        return None
    return plain_text(sources.vocabulary.decode(sources.tokens[core.source_indices[row]].tolist()))


def _progress(core: GenerationCore, row: int) -> str:
    return f"token {core.lengths[row]} of {core.horizon}"


def _ending(core: GenerationCore, row: int) -> str:
    length = int(core.lengths[row])
    if core.running[row] or not length:
        return ""
    if core.tokens[row, length - 1] == core.task.vocabulary.eos_id:
        return "ended by the end token"
    return "ended by the length" if length == core.horizon else "ended by a masked token"


def _rewards(core: GenerationCore, row: int) -> str:
    return f"last reward {core.last_rewards[row]:.3f} | total {core.returns[row]:.3f}"


def _drawn(core: GenerationCore, row: int) -> NDArray[np.uint8]:
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise ImportError(
            'render_mode="rgb_array" draws with pillow, which is not installed: pip install "textgen-env[render]"'
        ) from error

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    small = font_of(18)
    room = WIDTH - 2 * MARGIN

    source = _source(core, row)
    ending = _ending(core, row)
    taken = small.getlength(ending)
    lacking = writes_cjk(core.task.vocabulary) and cjk_font(18) is None
    heading, letters = "text (no font that has its letters is installed)" if lacking else "text", small
    if source is not None and core.task.sources is not None:
        letters = font_of(18, writes_cjk(core.task.sources.vocabulary))
        heading = f"source: {_drawable(source, letters)}"
    draw.text((MARGIN, 28), _shortened(heading, letters, room - taken - MARGIN), font=letters, fill=GREY)
    draw.text((WIDTH - MARGIN - taken, 28), ending, font=small, fill=ACCENT)
    draw.line((MARGIN, 60, WIDTH - MARGIN, 60), fill=RULE, width=2)
    if isinstance(core.task, HasPitches):
        box = (MARGIN, TEXT_TOP, WIDTH - MARGIN, TEXT_BOTTOM)
        colours = {"rule": RULE, "label": GREY, "note": INK}
        draw_roll(draw, box, melody_of(core.task, core.tokens[row]), core.horizon, font_of(13), colours)
    else:
        _draw_text(draw, core, row)

    draw.text((MARGIN, 296), _progress(core, row), font=small, fill=GREY)
    rewards = _rewards(core, row)
    draw.text((WIDTH - MARGIN - small.getlength(rewards), 296), rewards, font=small, fill=INK)
    draw.rectangle((MARGIN, 328, WIDTH - MARGIN, 338), fill=RULE)
    filled = round(room * core.lengths[row] / core.horizon)
    if filled:
        draw.rectangle((MARGIN, 328, MARGIN + filled, 338), fill=ACCENT)
    return np.asarray(image).copy()


def _draw_text(draw: Any, core: GenerationCore, row: int) -> None:
    """The text in lines, its end where it is too long, and a cursor behind it while it is written."""
    size = _font_size(core)
    font = font_of(size, writes_cjk(core.task.vocabulary))
    room, line_height = WIDTH - 2 * MARGIN, LINE_SPACING * size
    # The width left free holds the cursor after a full line.
    lines = _wrapped(_drawable(_text(core, row)[-MOST_LETTERS:], font), font, room - size // 2)
    most = int((TEXT_BOTTOM - TEXT_TOP) / line_height)
    if len(lines) > most:
        lines = lines[-most:]
        lines[0] = _shortened("… " + lines[0], font, room)
    for number, line in enumerate(lines):
        draw.text((MARGIN, TEXT_TOP + number * line_height), line, font=font, fill=INK)
    if core.running[row]:
        left = MARGIN + font.getlength(lines[-1]) + 5
        top = TEXT_TOP + (len(lines) - 1) * line_height
        draw.rectangle((left, top, left + 3, top + size), fill=ACCENT)


def _font_size(core: GenerationCore) -> int:
    """The largest size in which a text of T average tokens finds room; the same for every frame of a task."""
    vocabulary = core.task.vocabulary
    letters = sum(map(len, vocabulary.tokens)) / len(vocabulary) + len(vocabulary.separator)
    for size in FONT_SIZES:
        columns = (WIDTH - 2 * MARGIN) / (0.56 * size)
        lines = int((TEXT_BOTTOM - TEXT_TOP) / (LINE_SPACING * size))
        if letters * core.horizon <= columns * (lines - 1):
            return size
    return FONT_SIZES[-1]


def _drawable(text: str, font: Any) -> str:
    """`text` in letters that the font has, where there is one for them: without its accents, ß as ss."""
    missing = bytes(font.getmask("\uffff"))
    letters: list[str] = []
    for letter in text:
        if letter.isspace():
            letters.append("\n" if letter == "\n" else " ")
        elif letter.isascii() or bytes(font.getmask(letter)) != missing:
            letters.append(letter)
        else:
            plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
            letters.append("ss" if plain == "ß" else plain if plain.isascii() else letter)
    return "".join(letters)


def _wrapped(text: str, font: Any, room: float) -> list[str]:
    """`text` in lines no wider than `room` pixels, cut between words, and inside those wider than a line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= room:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while font.getlength(line) > room:
                cut = max(_fitting(line, font, room), 1)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line)
    return lines


def _shortened(line: str, font: Any, room: float) -> str:
    """`line`, or as much of its beginning as `room` pixels hold."""
    if font.getlength(line) <= room:
        return line
    return line[: _fitting(line, font, room - font.getlength("…"))] + "…"


def _fitting(line: str, font: Any, room: float) -> int:
    """The number of letters of `line`, from its beginning, that `room` pixels hold."""
    return bisect_right(range(1, len(line) + 1), room, key=lambda count: font.getlength(line[:count]))
