"""Every entry: it runs, on both engines alike, it is drawn, its gradients are right."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError, ScriptError
from graphviz_autograd.gallery import build, entries
from graphviz_autograd.script import Program, run
from graphviz_autograd.script.stage import stage

ENTRIES = {entry.name: entry for entry in entries.find()}
BOTH = [entry.name for entry in ENTRIES.values() if len(entry.engines) == 2]
DRAWING_ITSELF = [entry.name for entry in ENTRIES.values() if "make_dot" in entry.tags]
ON_CUDA = [name for name, e in ENTRIES.items() if "cuda" in e.path.read_text(encoding="utf-8")]

NAMED_OTHERWISE = {"attention": ("ReshapeAliasBackward0", "ViewBackward0")}
"""What torch calls by another name than the engine does."""


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_is_drawn(gallery: Any, name: str) -> None:
    entry = ENTRIES[name]
    boxes = gallery.boxes(name)
    colours = Counter(colour for _, colour in boxes.elements())
    if entry.fails:
        assert boxes[entry.fails, "failed"] == 1
        assert set(colours) == {"matched", "failed", "grey", "orange"}
    else:
        assert set(colours) <= {"blue", "grey", "green", "orange", "yellow"}
        assert colours["green"] == max(1, len(entry.roots))
        assert colours["blue"] or entry.depth is not None
    assert colours.total() <= 60, "more than one can take in"


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_says_what_it_found(gallery: Any, name: str) -> None:
    assert gallery.printed(name).strip()


@pytest.mark.parametrize("name", BOTH)
def test_every_entry_prints_the_same_on_the_engine(gallery: Any, name: str) -> None:
    assert gallery.printed(name, "own") == gallery.printed(name)


@pytest.mark.parametrize("name", BOTH)
def test_every_entry_has_the_same_graph_on_the_engine(gallery: Any, name: str) -> None:
    """Operations, names, shapes and arrows, but for what backward itself computed."""
    torchs, own = gallery.graph(name), gallery.graph(name, "own")
    assert own.meta["engine"] == "own"
    assert _leaves_and_roots(own) == _leaves_and_roots(torchs)
    if "higher order" not in ENTRIES[name].tags:
        assert _drawn(own) == _drawn(torchs, dict([NAMED_OTHERWISE.get(name, ("", ""))]))


def _leaves_and_roots(graph: Graph) -> list[Any]:
    shown = [node for node in graph.nodes if node.kind in ("leaf", "output")]
    return sorted((node.kind, node.names, node.outputs) for node in shown)


def _drawn(graph: Graph, otherwise: dict[str, str] | None = None) -> tuple[Any, ...]:
    renamed = otherwise or {}
    shown = {node.id: node for node in graph.nodes if node.kind in ("leaf", "op", "output")}
    boxes = {n.id: (renamed.get(n.op, n.op), n.names, n.outputs) for n in shown.values()}
    return boxes, [edge for edge in graph.edges if edge.kind == "grad"], graph.outputs


@pytest.mark.parametrize("name", ENTRIES)
def test_the_gradients_of_every_entry_are_right_but_for_the_wrong_one(
    gallery: Any, name: str
) -> None:
    report = gallery.report(name)
    assert report.counts["not checked"] == 0
    if ENTRIES[name].fails:
        assert report.first_failure.name == ENTRIES[name].fails
    else:
        assert report.ok, report


@pytest.mark.parametrize("name", DRAWING_ITSELF)
def test_an_entry_that_draws_itself_draws_the_same_on_the_engine(name: str) -> None:
    program = Program("file", str(ENTRIES[name].path))
    sources = []
    for engine in ENTRIES[name].engines:
        with stage(program, engine) as main:
            exec(ENTRIES[name].path.read_bytes(), main.__dict__)
            sources.append(main.__dict__["picture"].source)
            assert isinstance(main.__dict__["w"], torch.Tensor) == (engine == "torch")
    assert sources[0] == sources[1]


@pytest.mark.cuda
@pytest.mark.parametrize("name", ON_CUDA)
def test_an_entry_whose_lesson_asks_for_cuda_computes_there(name: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    graph = run(Program("file", str(ENTRIES[name].path)), roots=ENTRIES[name].roots).graph
    assert graph is not None
    leaves = [node for node in graph.nodes if node.kind == "leaf"]
    assert leaves
    assert all(info.device.startswith("cuda") for node in leaves for info in node.outputs)


def test_the_command_draws_what_the_headers_ask_for(
    gallery: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two roots; and a wrong gradient, painted."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    names = ("gan", "wrong_function")
    assert build.build([ENTRIES[name] for name in names], tmp_path).failures == {}
    for name in names:
        svg = (tmp_path / name / "graph.svg").read_text(encoding="utf-8")
        gallery.svg(name)
        alone = (gallery.folder / f"{name}.svg").read_text(encoding="utf-8")
        assert svg == alone.replace(str(ENTRIES[name].path), f"{name}.py")
        assert Graph.from_json((tmp_path / name / "graph.json").read_text(encoding="utf-8")).nodes


def test_a_gradient_that_should_be_wrong_and_is_not_is_a_failure(tmp_path: Path) -> None:
    fields = "Source: https://example.org\nTags: a\nFails: SumBackward0"
    right = "import torch\ntorch.ones(2, requires_grad=True).sum().backward()\n"
    (tmp_path / "right.py").write_text(HEADER.format(fields=fields) + right)
    built = build.build(entries.find(folder=tmp_path), tmp_path / "out")
    assert "verify was to find SumBackward0 wrong, and found nothing" in built.failures["right"]


# ---- headers

HEADER = '"""Title\n\nLook here.\n\n{fields}\n"""\n'


def test_every_entry_has_a_place_of_its_own_in_the_index() -> None:
    places = [entry.part for entry in entries.find()]
    assert {part for part, _ in places} == set(entries.PARTS)
    for part in entries.PARTS:
        numbers = [number for name, number in places if name == part]
        assert numbers == list(range(1, len(numbers) + 1))
    assert places[0] == ("Dive into Deep Learning", 1)


def test_a_header_is_read_whole() -> None:
    entry = ENTRIES["linreg_yhat"]
    assert entry.title == "Linear regression: the graph of a prediction"
    assert entry.look.startswith("Two blue leaves, b and w, one grey multiplication")
    assert entry.source.startswith("https://medium.com/")
    assert entry.tags == ("linear regression", "make_dot")
    assert (entry.roots, entry.style) == (("yhat",), "classic")
    assert (ENTRIES["d2l_dot"].roots, ENTRIES["d2l_dot"].style) == ((), "default")


def test_a_header_may_say_how_the_picture_is_drawn(tmp_path: Path) -> None:
    fields = (
        "Source: a\nTags: b\nRoot: x\nRoot: f(x), y\nShow: saved, attrs\nBoxes: 60\nDepth: 0\n"
        "Fold: plumbing\nEngine: torch\nFails: CubeBackward"
    )
    (tmp_path / "entry.py").write_text(HEADER.format(fields=fields), encoding="utf-8")
    (entry,) = entries.find(folder=tmp_path)
    assert entry.roots == ("x", "f(x), y")
    assert entry.show == ("saved", "attrs")
    assert (entry.boxes, entry.depth, entry.plumbing) == (60, 0, True)
    assert (entry.engines, entry.fails) == (("torch",), "CubeBackward")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "no docstring"),
        ("x = (\n", "not a Python script"),
        ('"""Title only"""\n', "should end with a line Source"),
        (HEADER.format(fields="Tags: a"), "a line Source"),
        (HEADER.format(fields="Source: a"), "a line Tags"),
        (HEADER.format(fields="Source: a\nTags: b\nStyl: c"), "unknown line Styl"),
        (HEADER.format(fields="Source: a\nTags: b\nStyle: c"), "Style is 'c', expected one of"),
        (HEADER.format(fields="Source: a\nTags: b\nShow: saved, c"), "Show is 'c', expected one"),
        (HEADER.format(fields="Source: a\nTags: b\nDepth: -1"), "Depth is '-1', expected a number"),
        (HEADER.format(fields="Source: a\nTags: b\nPart: c"), "Part is 'c', expected a part of"),
        ('"""Title\nstill\n\nLook.\n\nSource: a\nTags: b\n"""\n', "a title of one line"),
        ('"""Title\n\nSource: a\nTags: b\n"""\n', "what to look at"),
    ],
)
def test_a_broken_header_says_what_is_missing(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "entry.py").write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError, match=said) as raised:
        entries.find(folder=tmp_path)
    assert "entry.py" in str(raised.value)


def test_an_unknown_name_lists_the_entries(tmp_path: Path) -> None:
    for name in ("one", "two"):
        fields = f"Source: https://example.org/{name}\nTags: a, b"
        (tmp_path / f"{name}.py").write_text(HEADER.format(fields=fields))
    with pytest.raises(OptionError, match=r"no entry 'x'; there are: one, two"):
        entries.find(["x"], tmp_path)


def test_entries_need_nothing_but_torch_and_the_package() -> None:
    for entry in ENTRIES.values():
        lines = entry.path.read_text(encoding="utf-8").splitlines()
        imports = [line for line in lines if line.startswith(("import", "from"))]
        modules = {line.split()[1].split(".")[0] for line in imports}
        assert modules <= {"math", "torch", "graphviz_autograd"}, entry.name
        assert os.access(entry.path, os.R_OK)


def test_entries_are_short() -> None:
    for entry in ENTRIES.values():
        code = entry.path.read_text(encoding="utf-8").split('"""')[2]
        assert len(code.splitlines()) <= 70, entry.name


def test_a_header_may_name_every_style_that_there_is() -> None:
    from graphviz_autograd.emit import dot

    assert entries.STYLES == dot.STYLES
