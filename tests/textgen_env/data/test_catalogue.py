"""The catalogue: each file named once, its digest that of the file itself."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from textgen_env.data import DATA, data_files
from textgen_env.data.catalogue import set_of

FILES = [file for each in DATA.values() for file in each.files]


def test_each_file_is_named_once() -> None:
    assert list(DATA) == ["poems", "speeches", "music", "captions", "oracle"]
    assert len({file.name for file in FILES}) == len(FILES)
    for file in FILES:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.url is None or file.url.startswith("https://raw.githubusercontent.com/")
        assert data_files(file.name) == (file,)
        assert file in set_of(file).files
    assert [file.name for file in data_files("captions")] == ["captions_train.txt", "captions_test.txt"]
    for each in DATA.values():
        assert each.origin
        assert each.licence


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_digests_are_those_of_the_files(file, data_dir: Path) -> None:
    if not (data_dir / file.name).is_file():
        pytest.skip(f"{data_dir} has no {file.name}")
    assert hashlib.sha256((data_dir / file.name).read_bytes()).hexdigest() == file.sha256


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(
        ValueError, match=r"name='poem' is no named data; there are poems, .*, with the files quatrains"
    ):
        data_files("poem")
