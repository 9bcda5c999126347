"""Fetching of named data over the network, by `pooch`, into the cache folder: only ever when a person asks for it."""

from __future__ import annotations

from pathlib import Path

from textgen_env.data.catalogue import DataFile, set_of
from textgen_env.data.folders import DATA_VARIABLE, check_digest, fetched_folder, located

SECONDS = 30
"""Without a byte, after which a server counts as silent."""


class FetchFailed(OSError):
    """Error: a file that could not be fetched; nothing is left of it."""


def fetch(file: DataFile, folder: Path | None = None) -> Path:
    """The path of a file of named data, which is downloaded if it is not here, or damaged among what was fetched.

    A download is written beside its place and moved there once its SHA-256 is right.

    Args:
        file: of the catalogue.
        folder: where it is put; by default `data` in the cache folder.

    Raises:
        FetchFailed: no address, no answer, an answer cut short, or another content than it should be.
        textgen_env.files.UnreadableFile: a file in $TEXTGEN_DATA that is not what it should be.
        ImportError: pooch is not installed.
        OSError: a folder that cannot be written.
    """
    folder = fetched_folder() if folder is None else folder
    found = located(file)
    if found is not None and found.parent != folder:
        # A person's own file is theirs to mend, and would go before what is fetched.
        check_digest(found, file)
        return found
    if file.url is None:
        named = set_of(file)
        raise FetchFailed(
            f"{file.name} has no address to fetch it from: its origin is {named.origin}; make it from that, with the "
            f"SHA-256 {file.sha256}, and set {DATA_VARIABLE} to the folder that holds it"
        )
    try:
        import pooch
        import requests
    except ImportError:
        raise ImportError('fetching data needs pooch; install it with: pip install "textgen-env[text]"') from None
    try:
        return Path(
            pooch.retrieve(
                file.url,
                known_hash=f"sha256:{file.sha256}",
                fname=file.name,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=SECONDS),
            )
        )
    # What requests raises is an OSError too, and pooch says with a ValueError that a digest is another.
    except (requests.RequestException, ValueError) as error:
        why = str(error).rstrip(".")
        raise FetchFailed(
            f"{file.url} gave no {file.name}: {why}; try again later, or get the file elsewhere and set "
            f"{DATA_VARIABLE} to the folder that holds it"
        ) from error
