"""Each entry shows what its lesson speaks of: the boxes, their colours, the numbers."""

from __future__ import annotations

import os
import runpy
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError, ScriptError
from graphviz_autograd.gallery import build, entries
from graphviz_autograd.script import Engine, Program, run
from graphviz_autograd.script.stage import stage

ENTRIES = {entry.name: entry for entry in entries.find()}
BLUE, GREY, GREEN = "lightblue", "lightgrey", "darkolivegreen1"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures of every entry."""
    folder = tmp_path_factory.mktemp("gallery")
    failures = build.build(list(ENTRIES.values()), folder, print)
    assert not failures, "\n".join(failures.values())
    return folder


def boxes(gallery: Path, name: str) -> Counter[tuple[str, str]]:
    """(first line of the label, fill colour) of each box in the picture."""
    found: Counter[tuple[str, str]] = Counter()
    for group in ET.parse(gallery / f"{name}.svg").iter(f"{SVG}g"):
        if group.get("class") == "node":
            shape, label = group.find(f".//{SVG}polygon"), group.find(f".//{SVG}text")
            assert shape is not None
            found[(label.text or "").strip() if label is not None else "", _colour(shape)] += 1
    return found


def _colour(shape: ET.Element) -> str:
    """Graphviz writes colours that SVG does not know as numbers."""
    fill = shape.get("fill", "")
    return {"#caff70": GREEN, "#add8e6": BLUE, "#d3d3d3": GREY}.get(fill, fill)


def ran(name: str) -> dict[str, Any]:
    """The entry run as `python gallery/NAME.py` would, and the variables it ends with."""
    return runpy.run_path(str(ENTRIES[name].path), run_name="__main__")


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_has_its_pictures(gallery: Path, name: str) -> None:
    assert (gallery / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert Graph.from_json((gallery / f"{name}.json").read_text(encoding="utf-8")).nodes
    colours = Counter(colour for _, colour in boxes(gallery, name).elements())
    assert set(colours) == {BLUE, GREY, GREEN}
    assert colours[GREEN] == 1


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_has_the_same_graph_on_the_engine(name: str) -> None:
    """Nodes, names, shapes, attributes, what was saved, and arrows."""
    entry = ENTRIES[name]
    roots = (entry.root,) if entry.root else ()
    program = Program("file", str(entry.path))
    torchs, own = (run(program, engine=engine, roots=roots).graph for engine in get_args(Engine))
    assert torchs is not None
    assert own is not None
    assert own.meta["engine"] == "own"
    assert (own.nodes, own.edges, own.outputs) == (torchs.nodes, torchs.edges, torchs.outputs)


@pytest.mark.parametrize("name", [n for n, e in ENTRIES.items() if "make_dot" in e.tags])
def test_an_entry_that_draws_itself_draws_the_same_on_the_engine(name: str) -> None:
    program = Program("file", str(ENTRIES[name].path))
    sources = []
    for engine in get_args(Engine):
        with stage(program, engine) as main:
            exec(ENTRIES[name].path.read_bytes(), main.__dict__)
            sources.append(main.__dict__["picture"].source)
            assert isinstance(main.__dict__["w"], torch.Tensor) == (engine == "torch")
    assert sources[0] == sources[1]


# ---- linear regression


def test_the_prediction_has_two_parameters_a_product_and_a_green_sum(gallery: Path) -> None:
    assert boxes(gallery, "linreg_yhat") == {
        ("b", BLUE): 1,
        ("w", BLUE): 1,
        ("MulBackward0", GREY): 1,
        ("AddBackward0", GREEN): 1,
    }


def test_without_a_gradient_the_box_of_b_is_gone(gallery: Path) -> None:
    assert boxes(gallery, "linreg_frozen_bias") == {
        ("w", BLUE): 1,
        ("MulBackward0", GREY): 1,
        ("AddBackward0", GREEN): 1,
    }


def test_the_branch_adds_a_second_error_to_the_loss(gallery: Path) -> None:
    drawn = boxes(gallery, "linreg_branch")
    assert drawn["b", BLUE] == drawn["w", BLUE] == 1
    assert drawn["MulBackward0", GREY] == 2
    assert drawn["MeanBackward0", GREY] == 2
    assert drawn["AddBackward0", GREEN] == 1


def test_the_parameters_start_where_the_article_starts_them() -> None:
    end = ran("linreg_yhat")
    assert round(end["b"].item(), 4) == 0.3367
    assert round(end["w"].item(), 4) == 0.1288
    assert end["x"].shape == end["y"].shape == (100, 1)
    assert torch.allclose(end["y"], 1 + 2 * end["x"], atol=0.5)
    assert "AddBackward0" in end["picture"].source


def test_a_frozen_bias_gets_no_gradient() -> None:
    end = ran("linreg_frozen_bias")
    assert end["b"].grad is None
    assert end["w"].grad is not None


def test_the_loss_of_the_branch_is_both_errors() -> None:
    end = ran("linreg_branch")
    assert torch.allclose(end["loss"], (end["error"] ** 2).mean() + end["error2"].mean())


# ---- Dive into Deep Learning


def test_2xx_has_one_leaf_with_two_arrows_to_the_dot_product(gallery: Path) -> None:
    assert boxes(gallery, "d2l_dot") == {
        ("x", BLUE): 1,
        ("AccumulateGrad", GREY): 1,
        ("DotBackward0", GREY): 1,
        ("MulBackward0", GREY): 1,
        ("y", GREEN): 1,
    }
    assert _arrows(gallery, "d2l_dot")["AccumulateGrad", "DotBackward0"] == 2


def _arrows(gallery: Path, name: str) -> Counter[tuple[str, str]]:
    graph = Graph.from_json((gallery / f"{name}.json").read_text(encoding="utf-8"))
    nodes = graph.by_id()
    return Counter(
        (nodes[edge.source].op, nodes[edge.target].op)
        for edge in graph.edges
        if edge.kind == "grad"
    )


def test_the_gradient_of_2xx_is_4x() -> None:
    end = ran("d2l_dot")
    assert end["y"].item() == 28
    assert end["x"].grad.tolist() == [0, 4, 8, 12]


def test_the_sum_stands_alone_and_its_gradient_is_one(gallery: Path) -> None:
    drawn = boxes(gallery, "d2l_sum")
    assert drawn["SumBackward0", GREY] == drawn["total", GREEN] == 1
    assert drawn["DotBackward0", GREY] == 0
    assert ran("d2l_sum")["x"].grad.tolist() == [1, 1, 1, 1]


def test_backward_from_a_vector_of_squares_is_2x(gallery: Path) -> None:
    assert boxes(gallery, "d2l_vector")["MulBackward0", GREY] == 1
    assert ran("d2l_vector")["x"].grad.tolist() == [0, 2, 4, 6]


def test_what_was_detached_leaves_one_multiplication(gallery: Path) -> None:
    drawn = boxes(gallery, "d2l_detach")
    assert drawn["MulBackward0", GREY] == 1
    assert drawn["x", BLUE] == 1


def test_the_gradients_of_detach_are_u_and_then_2x(capsys: pytest.CaptureFixture[str]) -> None:
    end = ran("d2l_detach")
    assert end["u"].tolist() == [0, 1, 4, 9]
    assert end["x"].grad.tolist() == [0, 2, 4, 6]
    assert "equals u: True" in capsys.readouterr().out


def test_the_loop_is_drawn_as_often_as_it_ran(gallery: Path) -> None:
    assert boxes(gallery, "d2l_control_flow")["MulBackward0", GREY] == 11
    end = ran("d2l_control_flow")
    assert end["a"].grad == end["d"] / end["a"] == 2048


# ---- PyTorch's tutorial


def test_the_mean_is_27_and_its_gradient_4_and_a_half(gallery: Path) -> None:
    drawn = boxes(gallery, "tutorial_mean")
    assert drawn["AddBackward0", GREY] == drawn["MeanBackward0", GREY] == 1
    assert drawn["MulBackward0", GREY] == 2
    assert _arrows(gallery, "tutorial_mean")["AddBackward0", "MulBackward0"] == 2
    end = ran("tutorial_mean")
    assert end["out"].item() == 27
    assert end["x"].grad.tolist() == [[4.5, 4.5], [4.5, 4.5]]


def test_the_vector_jacobian_product_is_1024_times_v(gallery: Path) -> None:
    assert boxes(gallery, "tutorial_vjp")["MulBackward0", GREY] == 10
    end = ran("tutorial_vjp")
    assert torch.allclose(end["x"].grad, torch.tensor([102.4, 1024, 0.1024]))


# ---- headers

HEADER = '"""Title\n\nLook here.\n\n{fields}\n"""\n'


def test_a_header_is_read_whole() -> None:
    entry = ENTRIES["linreg_yhat"]
    assert entry.title == "Linear regression: the graph of a prediction"
    assert entry.look.startswith("Two blue leaves, b and w, one grey multiplication")
    assert entry.source.startswith("https://medium.com/")
    assert entry.tags == ("linear regression", "make_dot")
    assert (entry.root, entry.style) == ("yhat", "classic")
    assert (ENTRIES["d2l_dot"].root, ENTRIES["d2l_dot"].style) == ("", "default")


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
        allowed = {"import torch", "from graphviz_autograd import make_dot"}
        assert set(imports) <= allowed, entry.name
        assert os.access(entry.path, os.R_OK)


def test_a_header_may_name_every_style_that_there_is() -> None:
    from graphviz_autograd.emit import dot
    from graphviz_autograd.gallery import entries

    assert entries.STYLES == dot.STYLES
