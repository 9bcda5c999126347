"""Inventories written by hand are read as fetched ones are."""

from __future__ import annotations

import io
import tomllib

from sphinx.util.inventory import InventoryFile

from external_names import NAMES, inventory


def test_intersphinx_reads_what_is_written():
    entries = {"py:class numpy.ndarray": ["reference/x.html#numpy.ndarray"]}
    read = InventoryFile.loads(inventory("numpy", entries), uri="https://example.org").data
    assert read["py:class"]["numpy.ndarray"].uri == "https://example.org/reference/x.html#numpy.ndarray"


def test_every_project_has_an_address_and_names():
    for project, described in tomllib.loads(NAMES.read_text("utf-8")).items():
        assert described["address"].startswith("https://"), project
        assert described["names"]
        assert all(" " in name and len(address) == 1 for name, address in described["names"].items())
        assert io.BytesIO(inventory(project, described["names"])).readline().startswith(b"# Sphinx inventory version 2")
