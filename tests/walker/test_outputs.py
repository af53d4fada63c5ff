"""Any structure of outputs, and any tensor torch has."""

import collections
import dataclasses
import typing

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree

import graphviz_autograd as gva


def leaf(*shape, **options):
    return torch.ones(*shape, requires_grad=True, **options)


def names(outputs):
    graph = gva.walk(outputs)
    by_id = graph.by_id()
    return [by_id[number].names for number in graph.outputs]


@dataclasses.dataclass
class Result:
    loss: torch.Tensor
    hidden: tuple
    step: int = 3
    missing: torch.Tensor | None = None


class Pair(typing.NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


class ModelOutput(collections.OrderedDict):
    """A mapping whose entries are also attributes, as model libraries return it."""

    def __getattr__(self, name):
        return self[name]


class Box:
    def __init__(self, content):
        self.content = content


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda a, b: a, [()]),
        (lambda a, b: [a, b], [(), ()]),
        (lambda a, b: (a, [b]), [(), ()]),
        (lambda a, b: {"loss": a, "aux": b}, [("loss",), ("aux",)]),
        (lambda a, b: {"loss": a, "h": (None, b)}, [("loss",), ("h[1]",)]),
        (lambda a, b: [{"loss": a}, {"loss": b}], [('[0]["loss"]',), ('[1]["loss"]',)]),
        (lambda a, b: Result(a, (b,)), [("loss",), ("hidden[0]",)]),
        (lambda a, b: Pair(a, b), [("first",), ("second",)]),
        (lambda a, b: ModelOutput(loss=a, logits=b), [("loss",), ("logits",)]),
        (lambda a, b: collections.UserDict(loss=a), [("loss",)]),
        (lambda a, b: collections.deque([a, b]), [(), ()]),
        (lambda a, b: {"same": a, "again": a}, [("same", "again")]),
        (lambda a, b: {"h": {1: a, "a b": b}}, [("h[1]",), ('h["a b"]',)]),
        (lambda a, b: {1: a}, [("1",)]),
    ],
)
def test_keys_and_fields_become_output_names(make, expected):
    x = leaf(2)
    assert names(make(x * 2, x * 3)) == expected


def test_a_type_registered_with_torchs_pytree_is_opened():
    _pytree.register_pytree_node(
        Box,
        lambda box: ([box.content], None),
        lambda children, _: Box(children[0]),
        serialized_type_name="test.Box",
    )
    assert names(Box(leaf(1) * 2)) == [()]


class Cache:
    """A container that makes a fresh list each time it is opened."""

    def __init__(self, tensors):
        self.tensors = tensors


def test_no_output_is_lost_in_containers_made_on_the_fly():
    _pytree.register_pytree_node(
        Cache,
        lambda cache: ([list(cache.tensors)], None),
        lambda children, _: Cache(children[0]),
        serialized_type_name="test.Cache",
    )
    x = leaf(1)
    assert len(names([Cache([x * i]) for i in range(20)])) == 20


def test_a_structure_that_holds_itself_ends():
    loop = [leaf(1) * 2]
    loop.append(loop)
    assert len(names(loop)) == 1


def test_a_structure_nested_ten_thousand_deep_is_opened():
    nested = leaf(1) * 2
    for _ in range(10_000):
        nested = [nested]
    assert names(nested) == [()]


def nested(layout):
    return torch.nested.nested_tensor(
        [torch.ones(2, 3), torch.ones(4, 3)], layout=layout, requires_grad=True
    )


def in_fake_mode():
    with FakeTensorMode():
        return torch.nn.Linear(3, 2)(torch.ones(4, 3))


def with_symbolic_size():
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    mode = FakeTensorMode(shape_env=ShapeEnv())
    return (mode.from_tensor(leaf(4, 3)) * 2).sum(0)


class Tagged(torch.Tensor):
    """A subclass that notes whatever torch function runs on it."""

    ran: typing.ClassVar[list] = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.ran.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


ODD = {
    "complex": (lambda: leaf(2, dtype=torch.complex64) * 1j, (2,), "complex64"),
    "sparse": (lambda: torch.eye(3).to_sparse().requires_grad_() * 2, (3, 3), "float32"),
    "meta": (lambda: leaf(4, device="meta") * 2, (4,), "float32"),
    "fake": (in_fake_mode, (4, 2), "float32"),
    "symbolic": (with_symbolic_size, ("s1",), "float32"),
    "jagged": (lambda: nested(torch.jagged) * 2, None, "float32"),
    "strided nested": (lambda: nested(torch.strided) * 2, None, "float32"),
    "zero-dim": (lambda: leaf(()) * 2, (), "float32"),
    "empty": (lambda: leaf(0, 3) * 2, (0, 3), "float32"),
    "subclass": (lambda: leaf(2).as_subclass(Tagged) * 2, (2,), "float32"),
    "half": (lambda: leaf(2, dtype=torch.bfloat16) * 2, (2,), "bfloat16"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("which", ODD)
def test_odd_tensors_are_drawn(which):
    make, shape, dtype = ODD[which]
    y = make()
    Tagged.ran.clear()
    graph = gva.walk(y, {"y": y})
    assert not Tagged.ran
    info = graph.nodes[0].outputs[0]
    assert info.dtype == dtype
    if shape is not None and which != "symbolic":
        assert info.shape == shape
    assert gva.Graph.from_json(graph.to_json()) == graph
    assert gva.make_dot(y, show_attrs=True, show_saved=True).source


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_torch_will_not_tell_is_noted_in_the_graph():
    graph = gva.walk(nested(torch.strided) * 2)
    assert graph.nodes[0].outputs[0].shape is None
    assert any("node 0: no shape" in note for note in graph.meta["unread"])
    assert "not read: node 0" in graph.summary()


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_symbolic_size_stands_as_its_text():
    assert gva.walk(nested(torch.jagged) * 2).nodes[0].outputs[0].shape[1].startswith("j")


def test_integer_outputs_beside_differentiable_ones_are_drawn():
    graph = gva.walk(leaf(3).max(0))
    by_id = graph.by_id()
    assert [by_id[n].outputs[0].dtype for n in graph.outputs] == ["float32", "int64"]
    assert names(leaf(3).max(0)) == [("values",), ("indices",)]


@pytest.mark.filterwarnings("ignore:.*quantize:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantize:DeprecationWarning")
def test_a_quantised_output_beside_a_differentiable_one_is_drawn():
    quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)
    graph = gva.walk({"y": leaf(3) * 2, "q": quantised})
    assert [n.outputs[0].dtype for n in graph.nodes if n.names == ("q",)] == ["quint8"]


def test_tensors_inside_functional_transforms_are_drawn():
    seen = []

    def loss(x):
        y = (x**2).sum()
        seen.append(gva.walk(y))
        return y

    torch.func.grad(loss)(torch.ones(3))
    assert [n.op for n in seen[0].nodes if n.kind == "op"][:2] == ["SumBackward0", "PowBackward0"]
