"""Fonts of images: pillow's own, which has Latin letters, and the system's for Chinese, Japanese and Korean."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textgen_env.vocabulary import Vocabulary

CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "NotoSansSC-Regular.ttf",
    "SourceHanSansSC-Regular.otf",
    "SourceHanSansCN-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "uming.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "STHeiti Light.ttc",
    "msyh.ttc",
    "simsun.ttc",
    "Arial Unicode.ttf",
)
"""File names that such fonts are installed by, on Linux, macOS and Windows; the first that is found is taken."""
# Radicals to the unified ideographs, Hangul, compatibility ideographs, and the further planes of ideographs.
_RANGES = ((0x2E80, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def is_cjk(letter: str) -> bool:
    """Whether a letter is Chinese, Japanese or Korean."""
    return any(first <= ord(letter) <= last for first, last in _RANGES)


@lru_cache(maxsize=8)
def writes_cjk(vocabulary: Vocabulary) -> bool:
    """Whether any token has such a letter."""
    return any(is_cjk(letter) for token in vocabulary.tokens for letter in token)


@lru_cache(maxsize=32)
def font_of(size: int, cjk: bool = False) -> Any:
    """A font in a size in pixels: pillow's own, or for `cjk` one of the system's that has those letters; where none is
    installed it is pillow's all the same, in which they are boxes."""
    from PIL import ImageFont

    found = cjk_font(size) if cjk else None
    return ImageFont.load_default(size=size) if found is None else found


@lru_cache(maxsize=32)
def cjk_font(size: int) -> Any:
    """The first of `CJK_FONTS` that is installed, in a size in pixels, or None."""
    from PIL import ImageFont

    for name in CJK_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None
