"""Registries by themselves: names, the paths behind them, and the way back from a class to its name."""

from __future__ import annotations

import pytest

from textgen_env.environments import find_spec
from textgen_env.registries import Registry, UntrustedPath, load_object, names_alone, path_of
from textgen_env.tasks.tiny import TinyTask

PATH = "textgen_env.tasks.tiny:TinyTask"


@pytest.mark.parametrize("target", [PATH, TinyTask])
def test_a_class_and_its_path_have_one_name(target: object) -> None:
    registry = Registry("task")
    registry.register("small", target)
    assert registry.load("small") is TinyTask
    assert registry.name_of(TinyTask) == registry.name_of(PATH) == "small"
    assert registry.name_of(Registry) is None
    assert registry.name_of("textgen_env.tasks.tiny:Other") is None
    assert (list(registry), "small" in registry, "large" in registry) == (["small"], True, False)
    registry.register("small", target)
    with pytest.raises(ValueError, match=r"task 'small' is taken by .*; choose another name"):
        registry.register("small", Registry)


def test_what_cannot_be_imported_again_has_no_path() -> None:
    class Local:
        pass

    assert path_of(Local) is None
    assert path_of(lambda: None) is None
    assert path_of(7) is None
    assert path_of(Registry) == "textgen_env.registries:Registry"
    assert load_object("textgen_env.registries:Registry.load") is Registry.load


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("textgen_env.registries", "must be an import path of the form 'module:Class'"),
        ("textgen_env.registries:", "must be an import path of the form 'module:Class'"),
        ("a b:C", "must be an import path of the form 'module:Class'"),
        (
            "textgen_env.nothing:C",
            "No module named 'textgen_env.nothing'; check the spelling, or install",
        ),
        ("textgen_env.registries:Nothing", "the module 'textgen_env.registries' has no 'Nothing'"),
    ],
)
def test_paths_that_lead_nowhere_say_why(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        load_object(path, "agent")
    assert f"agent={path!r}" in str(caught.value)


def test_a_module_behind_a_name_that_lacks_a_library_says_so_itself(tmp_path, monkeypatch) -> None:
    (tmp_path / "needs_more.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry("reward")
    registry.register("needy", "needs_more:Reward")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        registry.load("needy")
    with pytest.raises(ValueError, match="reward='needs_more:Reward': No module named 'no_such_library'"):
        registry.load("needs_more:Reward")


def test_import_paths_are_refused_where_names_alone_count() -> None:
    registry = Registry("task")
    registry.register("small", PATH)
    with names_alone("x/config.json"):
        assert registry.load("small") is TinyTask
        with pytest.raises(UntrustedPath, match=r"task='os:system' stands in x/config.json .*--trust"):
            registry.load("os:system")
        with pytest.raises(UntrustedPath), names_alone("y"):
            load_object("os:system")
        with pytest.raises(UntrustedPath, match=r"env_id='evil:Env-v0' stands in x/config.json"):
            find_spec("evil:Env-v0")
    assert registry.load(PATH) is TinyTask
