"""Fetching from a server on the loopback: whole, wrong, missing, cut short; and the command."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.named_data import CONTENT, SHA256, empty_folders, named
from textgen_env.data import DataFile, FetchFailed, fetch
from textgen_env.data.__main__ import COMMANDS, main
from textgen_env.files import DamagedFile

pytest.importorskip("pooch")


OTHER = hashlib.sha256(CONTENT[::-1]).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves `/whole`, `/other` (another content) and `/cut` (half of what it promises); all else is not there."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path not in ("/whole", "/other", "/cut"):
            self.send_error(404)
            return
        body = CONTENT[::-1] if self.path == "/other" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    # A proxy of the machine's is not asked for the loopback.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return empty_folders(monkeypatch, tmp_path)


def served(server: ThreadingHTTPServer, path: str) -> DataFile:
    return DataFile("verses.txt", SHA256, f"http://127.0.0.1:{server.server_port}/{path}")


def test_a_file_is_fetched_once(server, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, file := served(server, "whole"))
    for _ in range(2):
        assert fetch(file) == places[1] / "verses.txt"
    assert (places[1] / "verses.txt").read_bytes() == CONTENT
    assert server.asked == ["/whole"]
    assert [path.name for path in places[1].iterdir()] == ["verses.txt"]


def test_what_was_fetched_and_damaged_is_fetched_anew(server, places: tuple[Path, Path]) -> None:
    places[1].mkdir(parents=True)
    (places[1] / "verses.txt").write_bytes(b"damaged")
    assert fetch(served(server, "whole")).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("other", f"{SHA256}.*{OTHER}"),
        ("missing", "404"),
        ("cut", "IncompleteRead|does not match"),
    ],
)
def test_of_what_fails_nothing_is_left(server, places: tuple[Path, Path], path: str, said: str) -> None:
    file = served(server, path)
    with pytest.raises(FetchFailed, match=f"/{path} gave no verses.txt: .*({said}).*set TEXTGEN_DATA"):
        fetch(file)
    assert list(places[1].iterdir()) == []


def test_no_server_is_an_error_of_the_same_kind(places: tuple[Path, Path], server) -> None:
    file = served(server, "whole")
    server.server_close()
    with pytest.raises(FetchFailed, match=r"gave no verses\.txt"):
        fetch(file)


def test_a_persons_own_file_is_not_replaced(server, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, file := served(server, "whole"))
    (places[0] / "verses.txt").write_bytes(b"own")
    with pytest.raises(DamagedFile, match=f"but verses.txt has {SHA256}"):
        fetch(file)
    (places[0] / "verses.txt").write_bytes(CONTENT)
    assert fetch(file) == places[0] / "verses.txt"
    assert server.asked == []


def test_without_pooch_the_error_names_what_to_install(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "textgen-env\[text\]"'):
        fetch(DataFile("verses.txt", SHA256, "http://127.0.0.1:1/verses.txt"))


def test_the_command_fetches_and_lists(
    server, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named(monkeypatch, served(server, "whole"), DataFile("made.txt", SHA256))
    assert main(["fetch", "verses.txt"]) == 0
    assert capsys.readouterr().out == f"{places[1] / 'verses.txt'}\n"
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "verses: five letters a line",
        "  from Li Bai; licence: public domain",
        f"  verses.txt: {places[1] / 'verses.txt'}",
        "  made.txt: not here; it has no address to fetch it from",
    ]
    (places[1] / "verses.txt").write_bytes(b"damaged")
    assert main(["list"]) == 0
    assert f"but verses.txt has {SHA256}; put the right file there" in capsys.readouterr().out
    for name, said in (("made.txt", "error: made.txt has no address"), ("vers", "error: name='vers' is no named data")):
        assert main(["fetch", name]) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([])
    assert set(COMMANDS) >= {"list", "fetch"}


@pytest.mark.skipif(os.name == "nt", reason="no shell")
def test_a_reader_that_has_seen_enough_ends_it_silently() -> None:
    code = f"{sys.executable} -m textgen_env.data list | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
