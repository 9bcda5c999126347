"""Command line of the named data: `python -m textgen_env.data list`, `fetch NAME`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from textgen_env.data.catalogue import DATA, DataFile, data_files
from textgen_env.data.fetching import fetch
from textgen_env.data.folders import check_digest, located
from textgen_env.files import UnreadableFile
from textgen_env.plain_text import print_text


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        help: one line.
        run: what it does with its parsed arguments; `ValueError`, `OSError` and `ImportError` are shown without a
            traceback.
        arguments: name, or flag, of each -> keyword arguments of `ArgumentParser.add_argument`.
    """

    help: str
    run: Callable[[argparse.Namespace], None]
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def list_data(_: argparse.Namespace) -> None:
    """Prints each of the named data, where its files are, and whether they are what they should be."""
    for each in DATA.values():
        print_text(f"{each.name}: {each.about}\n  from {each.origin}; licence: {each.licence}")
        for file in each.files:
            print_text(f"  {file.name}: {_state(file)}")


def _state(file: DataFile) -> str:
    """Where a file is, in words."""
    place = located(file)
    if place is None:
        return "not here" + ("; it has no address to fetch it from" if file.url is None else "")
    try:
        check_digest(place, file)
    except UnreadableFile as error:
        return str(error)
    return str(place)


def fetch_data(given: argparse.Namespace) -> None:
    """Fetches what is named, and prints the paths."""
    # A name that is unknown is said before anything is fetched.
    for file in [file for name in given.names for file in data_files(name)]:
        print_text(str(fetch(file)))


def describe_file(given: argparse.Namespace) -> None:
    """Prints what the task `corpus` makes of a file, and its most frequent tokens."""
    # Imported here: what lists and fetches data needs none of it.
    from textgen_env.tasks.corpus import CorpusTask

    arguments = {name: value for name, value in vars(given).items() if name in CORPUS_ARGUMENTS and value is not None}
    task = CorpusTask(given.file, **arguments)
    tokens = task.vocabulary.tokens
    print_text(f"{given.file}\n\n{task.report}\n\nTokens: {' '.join(map(repr, tokens[:SHOWN]))} ...")
    texts = task.test_sequences().tokens[:3]
    print_text("\nAs they are decoded:\n" + "\n".join(f"  {task.vocabulary.decode(text)}" for text in texts))


SHOWN = 20
CORPUS_ARGUMENTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "field": {"help": "column or JSON key that holds the text"},
        "paragraphs": {"action": "store_true", "help": "texts are apart by an empty line"},
        "test_path": {"metavar": "FILE", "help": "file of test texts"},
        "tokenization": {"help": "word, character or subword"},
        "vocab_size": {"type": int, "metavar": "N", "help": "most tokens of the vocabulary"},
        "min_count": {"type": int, "metavar": "N", "help": "how often a token must stand in the training texts"},
        "unknown": {"choices": ("replace", "drop"), "help": "what becomes of other tokens"},
        "max_length": {"type": int, "metavar": "T", "help": "most tokens of a text, the end among them"},
        "too_long": {"choices": ("drop", "cut"), "help": "what becomes of longer texts"},
    }
)
"""Arguments of the task `corpus` that a command line takes, each as a flag."""

COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "list": Command("what there is, and where it lies on this machine", list_data),
        "fetch": Command(
            "download data, or a file of them, into the cache folder",
            fetch_data,
            {"names": {"nargs": "+", "metavar": "NAME", "help": "of data or of a file, as `list` shows them"}},
        ),
        "describe": Command(
            "what becomes of the texts of a file as a corpus: kept, dropped, unknown, lengths",
            describe_file,
            {
                "file": {"metavar": "FILE", "help": ".txt, .csv, .tsv or .jsonl, also with .gz"},
                **{f"--{name.replace('_', '-')}": options for name, options in CORPUS_ARGUMENTS.items()},
            },
        ),
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand; the exit status is 0, or 2 after an error."""
    parser = argparse.ArgumentParser(prog="python -m textgen_env.data", description="Data that tasks are made of.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.help, description=command.help)
        subparser.set_defaults(run=command.run)
        for argument, options in command.arguments.items():
            subparser.add_argument(argument, **options)
    given = parser.parse_args(arguments)
    try:
        given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. What is still to be flushed at the end of the process goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, ImportError) as error:
        print_text(f"error: {error}", sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
