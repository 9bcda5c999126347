"""The API reference describes every public name, each on one page."""

from __future__ import annotations

import inspect
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from api_pages import PARTS, REGISTRIES, described_names, leave_out_fields, page, public_names
from textgen_env import Texts, Vocabulary

PACKAGES = [f"textgen_env{name}" for name in ("", ".metrics", ".sb3", ".data", ".tokenization", ".solve", ".wrappers")]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_of_a_packages_all_is_described(package):
    described = {id(thing) for things in described_names().values() for thing in things.values()}
    module = import_module(package)
    for name in module.__all__:
        thing = getattr(module, name)
        assert id(thing) in described or (inspect.ismodule(thing) and thing.__name__ in described_names()), name


def test_every_package_with_a_list_of_names_has_its_page():
    root = Path(__file__).parents[2]
    listing = [path for path in root.glob("textgen_env/**/__init__.py") if "__all__" in path.read_text("utf-8")]
    modules = {".".join(path.parent.relative_to(root).parts) for path in listing}
    assert modules <= {module for modules in PARTS.values() for module in modules}


def test_every_registered_class_is_described():
    described = {id(thing) for things in described_names().values() for thing in things.values()}
    for registry in REGISTRIES.values():
        assert [name for name in registry if id(registry.load(name)) not in described] == []


def test_no_object_is_described_twice():
    counts = Counter(id(thing) for things in described_names().values() for thing in things.values())
    assert max(counts.values()) == 1


def test_a_page_has_a_directive_for_each_name():
    names = described_names()["textgen_env.metrics"]
    text = page("textgen_env.metrics", names)
    assert all(f":: {name}\n" in text for name in names)


def test_a_module_without_a_list_offers_what_it_defines():
    names = public_names(import_module("agents.functional.returns"))
    assert "gae" in names
    assert "np" not in names


def test_fields_of_named_tuples_are_left_to_their_class():
    def skipped(cls, name):
        return leave_out_fields(None, "class", name, getattr(cls, name), False, {})

    assert skipped(Texts, "tokens") is True
    assert skipped(Texts, "copy") is None
    assert skipped(Vocabulary, "blank_id") is None
    assert "tokens" in inspect.getdoc(Texts)
