"""Imports run one way, down the list of rooms, and nothing is read by executing it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("textgen_env", "agents", "benchmarks")
# A room imports from rooms below it, and modules of its own room from one another.
ROOMS: tuple[frozenset[str], ...] = (
    frozenset({"vocabulary", "kernels", "registries", "checks", "handing", "plain_text", "files", "archives", "data"}),
    frozenset({"tokenization"}),
    frozenset({"corpora"}),
    frozenset({"metrics", "models"}),
    frozenset({"tasks", "rewards", "text_checks"}),
    frozenset(
        {
            "core",
            "prefixes",
            "generators",
            "one_row",
            "transition",
            "snapshot",
            "reward_modes",
            "masks",
            "specs",
            "environments",
            "descriptions",
            "fingerprint",
        }
    ),
    frozenset(
        {
            "env",
            "row",
            "vector",
            "columns",
            "sb3",
            "game",
            "rendering",
            "infos",
            "solve",
            "testing",
            "wrappers",
            "integrations",
        }
    ),
)
EXECUTING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


def modules(*packages: str) -> dict[str, Path]:
    """Dotted name -> file, of every module of the packages."""
    files = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports anywhere in it, functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def room(module: str) -> int:
    """How high up a module of `textgen_env` stands."""
    parts = module.split(".")
    # A command line stands above the package that it belongs to.
    if len(parts) == 1 or parts[-1] == "__main__":
        return len(ROOMS)
    found = [level for level, names in enumerate(ROOMS) if parts[1] in names]
    assert found, f"{module} stands in no room; give {parts[1]!r} one in {__file__}"
    return found[0]


def test_inside_the_package_imports_run_down() -> None:
    known = modules("textgen_env")
    assert len(known) > 20
    for module, path in known.items():
        for name in imported(path) & known.keys():
            if module != "textgen_env" and name != "textgen_env":
                assert room(name) <= room(module), f"{module} imports {name}, which stands above it"
            # The names at the root are for users: taken from there, they would run in a circle.
            assert name != "textgen_env" or module == "textgen_env", f"{module} imports from the package's root"


@pytest.mark.parametrize(("package", "above"), [("textgen_env", {"agents", "benchmarks"}), ("agents", {"benchmarks"})])
def test_packages_import_one_way(package: str, above: set[str]) -> None:
    for module, path in modules(package).items():
        roots = {name.split(".")[0] for name in imported(path)}
        assert not roots & above, f"{module} imports {roots & above}"
        assert "tests" not in roots


def test_no_imports_run_in_a_circle() -> None:
    known = modules(*PACKAGES)
    graph = {module: imported(path) & known.keys() - {module} for module, path in known.items()}
    tuple(TopologicalSorter(graph).static_order())


def test_the_package_knows_its_views_by_name_alone() -> None:
    """Gymnasium loads them; the core and what is below it know neither Gymnasium's spaces nor the trainers."""
    for module, path in modules("textgen_env").items():
        if 0 <= room(module) < 6:
            roots = {name.split(".")[0] for name in imported(path)}
            assert not roots & {"stable_baselines3", "sb3_contrib", "PIL"}, module
            assert "gymnasium.spaces" not in imported(path), module
            assert "gymnasium.vector" not in imported(path), module


def test_nothing_unpickles() -> None:
    for module, path in modules(*PACKAGES).items():
        assert not {name.split(".")[0] for name in imported(path)} & EXECUTING, module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "load":
                said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                of = ast.unparse(node.func.value)
                assert of != "np" or said.get("allow_pickle") == "False", f"{module}: {ast.unparse(node)}"
                assert of != "torch" or said.get("weights_only") == "True", f"{module}: {ast.unparse(node)}"


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
    for module in modules(*PACKAGES, "tests"):
        assert not drawers & set(module.split(".")), module
