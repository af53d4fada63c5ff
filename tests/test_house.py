"""The house stands as CONTRIBUTING.md says: who imports whom, and what loads when."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

import graphviz_autograd as gva
from graphviz_autograd.gallery import entries

CHECKOUT = Path(__file__).parents[1]
PACKAGE = "graphviz_autograd"
FOLDERS = {PACKAGE: PACKAGE, "cli": f"{PACKAGE}.cli", "gallery": f"{PACKAGE}.gallery"}

# A room, the modules it is made of, and the rooms it may import besides errors and graph,
# which know nothing of ours and which all may use. "public" is `graphviz_autograd` itself.
ROOMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "public": (("",), ()),
    "errors": (("errors",), ()),
    "graph": (("graph", "visible"), ()),
    "names": (("names",), ()),
    "recorder": (("recorder", "module_names", "source_lines"), ()),
    "transform": (("transform",), ()),
    "emit": (("emit",), ()),
    "walker": (("walker", "freeing", "saved", "tensors"), ("names", "recorder")),
    "api": (("api",), ("walker", "recorder", "transform", "emit")),
    "engine": (("engine",), ()),
    "verification": (("verification",), ("engine", "walker", "names", "recorder")),
    "script": (("script",), ("walker", "names", "recorder", "engine")),
    "gallery": (("gallery",), ("public", "script", "emit")),
    "cli": (("cli",), ("public", "script", "gallery", "verification", "transform", "emit")),
    "__main__": (("__main__",), ("cli",)),
}
FREE_FOR_ALL = ("errors", "graph")
ROOM_OF = {module: room for room, (modules, _) in ROOMS.items() for module in modules}


def sources() -> Iterator[tuple[str, Path]]:
    """Every module of the package, by dotted name, without the gallery's entries."""
    shown = {entry.path for entry in entries.find()}
    for folder, package in FOLDERS.items():
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            if path not in shown:
                parts = [package, *path.relative_to(CHECKOUT / folder).with_suffix("").parts]
                yield ".".join(parts).removesuffix(".__init__"), path


SOURCES = dict(sources())


def room(module: str) -> str:
    """The room that a module of ours is in."""
    first = module.removeprefix(PACKAGE).removeprefix(".").split(".")[0]
    assert first in ROOM_OF, f"{module} stands in no room of the table in test_house.py"
    return ROOM_OF[first]


def imported(module: str, path: Path, trees: list[ast.stmt]) -> Iterator[str]:
    """What these statements import, at any depth: module names, "public" for public names."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in (inner for tree in trees for inner in ast.walk(tree)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            if source == PACKAGE:
                public = {*gva.__all__, "__version__"}
                yield from (
                    PACKAGE if alias.name in public else f"{PACKAGE}.{alias.name}"
                    for alias in node.names
                )
            else:
                yield source


def is_facade(function: ast.AST) -> bool:
    """A method that, after its docstring, only imports one room and returns one call of it."""
    if not isinstance(function, ast.FunctionDef):
        return False
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return isinstance(body[0], ast.ImportFrom) and isinstance(body[-1], ast.Return)


@pytest.mark.parametrize("module", SOURCES)
def test_rooms_import_only_the_rooms_they_may(module: str) -> None:
    path = SOURCES[module]
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    if module == PACKAGE:
        return  # it names every public name's home, for type checkers
    if module == f"{PACKAGE}.graph":
        graph = next(s for s in statements if isinstance(s, ast.ClassDef) and s.name == "Graph")
        graph.body = [statement for statement in graph.body if not is_facade(statement)]
    own = room(module)
    allowed = {own, *FREE_FOR_ALL, *ROOMS[own][1]}
    for name in imported(module, path, statements):
        if name.split(".")[0] == PACKAGE:
            assert room(name) in allowed, f"{module} (in {own}) may not import {name}"
        elif own in ("errors", "graph"):
            assert name.split(".")[0] in sys.stdlib_module_names, f"{own} needs {name}"
        elif own in ("transform", "emit"):
            assert name.split(".")[0] != "torch", f"{module} (in {own}) may not import torch"


def test_an_import_inside_a_function_counts() -> None:
    """The test above would see a room that imports another when it is called."""
    code = "def f():\n    if True:\n        from graphviz_autograd.walker import walk\n"
    found = list(imported(f"{PACKAGE}.emit.dot", Path("dot.py"), ast.parse(code).body))
    assert found == [f"{PACKAGE}.walker"]
    relative = ast.parse("from .. import walker\nfrom .layout import lay_out").body
    found = list(imported(f"{PACKAGE}.emit.dot", Path("dot.py"), relative))
    assert found == [f"{PACKAGE}.walker", f"{PACKAGE}.emit.layout"]


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """With every module imported, each public name is still what it was."""
    for module in SOURCES:
        if not module.endswith("__main__"):
            importlib.import_module(module)
    assert set(gva.__all__) <= set(dir(gva))
    for name in gva.__all__:
        assert not isinstance(getattr(gva, name), types.ModuleType), name

    import torch

    x = torch.ones(2, requires_grad=True)
    assert gva.walk(x.sum(), {"x": x}).nodes
    assert "digraph" in gva.make_dot(x.sum(), {"x": x}).source


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'draw'"):
        _ = gva.draw


def child(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60
    )


def test_importing_the_package_loads_nothing_that_takes_time() -> None:
    """Neither torch, click nor graphviz: nothing but the package and the standard library."""
    code = (
        "import sys; before = set(sys.modules); import graphviz_autograd\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names))"
    )
    assert child(code).stdout.split() == [PACKAGE]


def test_the_engine_is_there_when_it_is_first_asked_for() -> None:
    code = (
        "import graphviz_autograd as gva; x = gva.engine.ones(2, requires_grad=True)\n"
        "(x * x).sum().backward(); print(x.grad.tolist())"
    )
    assert child(code).stdout.split("\n")[0] == "[2.0, 2.0]"


def test_help_and_version_come_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"  # importing it raises
        "from graphviz_autograd.cli import main; main()"
    )
    shown = child(code, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "render" in shown.stdout
    assert "gallery" in shown.stdout
    assert gva.__version__ in child(code, "--version").stdout


def test_a_saved_graph_is_drawn_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from graphviz_autograd import Edge, Graph, Node\n"
        "graph = Graph([Node(0, 'leaf', names=('w',)), Node(1, 'output')], [Edge(0, 1)], (1,))\n"
        "Graph.from_json(graph.to_json()).save(sys.argv[1])"
    )
    done = child(code, str(tmp_path / "loss.svg"))
    assert (done.returncode, done.stderr) == (0, "")
    assert ">w</text>" in (tmp_path / "loss.svg").read_text(encoding="utf-8")


def test_every_package_folder_is_named_in_pyproject() -> None:
    """Else its modules would be missing from wheels."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name for name, path in SOURCES.items() if path.name == "__init__.py"}
    assert set(project["tool"]["setuptools"]["packages"]) == packages


def test_the_version_is_one() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == gva.__version__
