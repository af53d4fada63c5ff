"""`gva.record`: each op knows the module call and the source line that made it."""

import contextlib
import copy
import gc
import html
import json
import re
import runpy
import subprocess
import sys
import threading
import traceback
import weakref
from pathlib import Path

import jsonschema
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import graphviz_autograd as gva
from graphviz_autograd import ModuleCall
from graphviz_autograd.emit.json import schema

_SHARED = runpy.run_path(str(Path(__file__).with_name("recorded.py")))
here, made, lines_of, Net, NET = (
    _SHARED["here"],
    _SHARED["made"],
    _SHARED["lines_of"],
    _SHARED["Net"],
    _SHARED["NET"],
)


# ---- modules


def test_nested_and_reused_modules_and_lists_of_modules_are_told_apart():
    net = Net()
    with gva.record(net) as rec:
        y = net(torch.ones(2, 3))
    graph = gva.walk(y, net, record=rec)
    assert made(graph) == NET
    [first, *_] = [node for node in graph.nodes if node.op == "TanhBackward0"]
    assert first.modules == (ModuleCall("", "Net", 1), ModuleCall("act", "Tanh", 2))
    assert first.module == ModuleCall("act", "Tanh", 2)
    assert graph.meta["read"][-2:] == ["modules", "lines"]


def test_every_op_of_a_transformer_is_in_the_module_that_hooks_on_it_see():
    """Each module's own hooks say which numbers its call gave out."""
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 3)
    open_calls, makers = [], {}
    number = torch._C._autograd._get_sequence_nr

    def settle():
        for nr in range(settle.last, number()):
            makers[nr] = open_calls[-1] if open_calls else None
        settle.last = number()

    def enter(name):
        settle()
        open_calls.append(name)

    def leave():
        settle()
        open_calls.pop()

    for name, module in model.named_modules():
        module.register_forward_pre_hook(lambda m, _, name=name: enter(name))
        module.register_forward_hook(lambda m, _, __: leave())
    settle.last = number()
    with gva.record(model) as rec:
        y = model(torch.ones(4, 1, 8)).sum()
    settle()
    graph = gva.walk(y, record=rec)
    nodes, seen = [y.grad_fn], []
    for fn in nodes:
        nodes += [child for child, _ in fn.next_functions if child and child not in nodes]
        if fn.name() != "torch::autograd::AccumulateGrad":
            seen.append((type(fn).__name__, makers[fn._sequence_nr()]))
    ours = [(n.op, n.module and n.module.path) for n in graph.nodes if n.kind == "op"]
    ours = [(op, path) for op, path in ours if op != "AccumulateGrad"]
    assert len(seen) > 100
    assert sorted(map(str, ours)) == sorted(map(str, seen))


def test_without_a_model_the_outermost_module_is_named_by_its_class():
    first, second = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Tanh())
    with gva.record() as rec:
        y = nn.MSELoss()(second(first(torch.ones(1, 2))), torch.ones(1, 2))
    paths = {node.module.path for node in gva.walk(y, record=rec).nodes if node.module}
    assert paths == {"Sequential.0", "Sequential (2).0", "MSELoss"}


def test_a_module_of_two_names_is_called_by_the_one_below_its_caller():
    shared = nn.Linear(2, 2)
    model = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared))
    with gva.record(model) as rec:
        y = model(torch.ones(1, 2))
    paths = [n.module.path for n in gva.walk(y, record=rec).nodes if n.op == "AddmmBackward0"]
    assert paths == ["1.0", "0.0"]


def test_modules_made_in_forward_are_named_below_it():
    class Late(nn.Module):
        def forward(self, x):
            self.late = nn.Linear(2, 2)
            return nn.Tanh()(self.late(x))

    model = nn.Sequential(Late())
    with gva.record(model) as rec:
        y = model(torch.ones(1, 2))
    paths = {n.module.path for n in gva.walk(y, record=rec).nodes if n.module}
    assert paths == {"0.late", "0.Tanh"}


def test_a_functional_call_and_a_recursive_module():
    class Again(nn.Module):
        def forward(self, x, depth):
            return self(x.sin(), depth - 1) if depth else x

    again, net = Again(), Net()
    with gva.record(again) as rec:
        y = again(torch.ones(1, requires_grad=True), 3)
    calls = [n.modules for n in gva.walk(y, record=rec).nodes if n.op == "SinBackward0"]
    assert [[call.call for call in stack] for stack in calls] == [[1, 2, 3], [1, 2], [1]]
    weights = {name: w.detach().clone().requires_grad_() for name, w in net.named_parameters()}
    with gva.record(net) as rec:
        y = torch.func.functional_call(net, weights, torch.ones(2, 3))
    assert made(gva.walk(y, record=rec)) == NET


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_in_forward_leaves_nothing_open(error):
    class Bad(nn.Module):
        def forward(self, x):
            raise error("as planned")

    model = nn.Sequential(nn.Linear(2, 2), Bad())
    with gva.record(model) as rec:
        with contextlib.suppress(error):
            model(torch.ones(1, 2))
        y = model[0](torch.ones(1, 2)).sin()
    assert made(gva.walk(y, record=rec)) == {
        ("SinBackward0", ()),
        ("AddmmBackward0", ("0 2",)),
        ("TBackward0", ("0 2",)),
    }
    with pytest.raises(error) as caught, gva.record(model):
        model(torch.ones(1, 2))
    files = [frame.filename for frame in traceback.extract_tb(caught.tb)]
    assert not [name for name in files if name.endswith("autograd/recorder.py")], (
        "our frames are left out"
    )
    assert files[-1] == __file__


# ---- whatever runs the forward


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_what_a_checkpoint_computes_again_is_left_out(use_reentrant):
    net = Net()
    x = torch.ones(2, 3, requires_grad=True)
    with gva.record(net) as rec:
        checkpoint(net, x, use_reentrant=use_reentrant).sum().backward()
        y = checkpoint(net, x, use_reentrant=use_reentrant)
        again = net(x)
    graph = gva.walk(again, record=rec)
    assert {stack[0] for _, stack in made(graph)} == {". 3"}, "the third call of the program"
    graph = gva.walk(y, record=rec)
    if use_reentrant:
        assert made(graph) == {("CheckpointFunctionBackward", ())}
    else:
        assert {stack[0] for _, stack in made(graph)} == {". 2"}
        assert len(made(graph)) == len(NET)


def test_a_compiled_model_is_one_op_that_says_so():
    net = Net()
    compiled = torch.compile(net, backend="aot_eager")
    x = torch.ones(2, 3)
    compiled(x)
    stats = torch._dynamo.utils.counters["stats"]
    graphs = stats["unique_graphs"]
    with gva.record(net) as rec:
        y = compiled(x)
    assert stats["unique_graphs"] == graphs, "nothing was compiled anew"
    assert made(gva.walk(y, record=rec)) == {("CompiledFunctionBackward", (". 1",))}
    with gva.record(net) as rec:
        y = torch.compile(net, backend="aot_eager", fullgraph=True)(x)
    assert made(gva.walk(y, record=rec)) == {("CompiledFunctionBackward", (". 1",))}


@pytest.mark.parametrize("lines", [True, False])
def test_threads_number_their_nodes_alike_and_are_told_apart(lines):
    models = [nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 2), nn.ReLU())]
    both = nn.ModuleList(models)
    outputs = [None, None]

    def work(index):
        outputs[index] = models[index](torch.ones(1, 2))

    with gva.record(both, lines=lines) as rec:
        threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        y = outputs[0] + outputs[1]
    graph = gva.walk(y, both, record=rec)
    for op, path in [("TanhBackward0", "0.1"), ("ReluBackward0", "1.1")]:
        [node] = [node for node in graph.nodes if node.op == op]
        assert node.module.path == path
        assert (node.line is not None) == lines
    assert {n.module.path for n in graph.nodes if n.op == "AddmmBackward0"} == {"0.0", "1.0"}
    assert threading.gettrace() is None


def test_replicas_of_data_parallel_bear_the_names_of_the_model():
    model = nn.Sequential(nn.Linear(2, 2))
    outputs = [None, None]

    def work(index):
        replica = model._replicate_for_data_parallel()
        part = replica._modules["0"] = model[0]._replicate_for_data_parallel()
        vars(part).update({name: w.clone() for name, w in model[0].named_parameters()})
        outputs[index] = replica(torch.ones(1, 2))

    with gva.record(model) as rec:
        for index in (0, 1):
            thread = threading.Thread(target=work, args=(index,))
            thread.start()
            thread.join()
        direct = nn.DataParallel(model)(torch.ones(1, 2))
    for index, y in enumerate(outputs):
        calls = made(gva.walk(y, model, record=rec))
        assert ("AddmmBackward0", (f". {index + 1}", f"0 {index + 1}")) in calls
    [path] = [n.module.path for n in gva.walk(direct, record=rec).nodes if n.op == "AddmmBackward0"]
    assert path == "0"


def test_nodes_of_the_engine_know_where_they_were_made():
    from graphviz_autograd import engine

    net = Net()
    x = engine.ones(3, requires_grad=True)
    with gva.record(net) as rec, engine.wrap(net):
        y = net(x).exp()
        at = here() - 1
    graph = gva.walk(y, record=rec)
    assert lines_of(graph, "ExpBackward0") == [at]
    assert lines_of(graph, "AccumulateGrad") == [None] * 5
    tanhs = [node.module for node in graph.nodes if node.op == "TanhBackward0"]
    assert tanhs == [ModuleCall("act", "Tanh", 2), ModuleCall("act", "Tanh", 1)]
    assert not engine.node.watchers


def test_the_engine_may_be_imported_while_recording():
    code = (
        "import torch, graphviz_autograd as gva\n"
        "net = torch.nn.Sequential(torch.nn.Tanh())\n"
        "with gva.record(net) as rec:\n"
        "    y = net(gva.engine.ones(2, requires_grad=True))\n"
        "print([node.module.path for node in gva.walk(y, record=rec).nodes if node.module])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("['0']\n", "")


def test_a_recording_within_a_recording():
    net = Net()
    with gva.record() as outer, gva.record(net) as inner:
        y = net(torch.ones(2, 3))
    assert made(gva.walk(y, record=inner)) == NET
    graph = gva.walk(y, record=outer)
    assert {node.modules[0].path for node in graph.nodes if node.modules} == {"Net"}
    assert all(node.line for node in graph.nodes if node.modules)
    assert sys.gettrace() is None


def test_a_walk_while_the_recording_lasts():
    net = Net()
    with gva.record(net) as rec:
        graph = gva.walk(net(torch.ones(2, 3)), record=rec)
    assert made(graph) == NET
    assert all(node.line for node in graph.nodes if node.modules)


# ---- nothing is disturbed


def train(context):
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), block, nn.Linear(8, 1))
    hooked = []
    model[0].register_forward_hook(lambda module, args, out: hooked.append(out.detach().clone()))
    model[3].register_full_backward_hook(lambda module, grads, _: hooked.append(grads[0].clone()))
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(3):
        with context(model):
            loss = model(torch.randn(16, 4)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with context(model), torch.no_grad():
            hooked.append(model.eval()(torch.ones(3, 4)))
            model.train()
    return [*model.state_dict().values(), *hooked, torch.get_rng_state()]


def test_training_recorded_is_bitwise_training_not_recorded():
    plain = train(lambda model: contextlib.nullcontext())
    call = nn.Module.__call__
    recorded = train(gva.record)
    assert len(plain) == len(recorded)
    assert all(map(torch.equal, plain, recorded))
    assert nn.Module.__call__ is call
    assert sys.gettrace() is None


def test_no_tensor_and_no_module_is_kept_alive():
    net = Net()
    gc.collect()
    gc.disable()
    try:
        with gva.record(net) as rec:
            y = net(torch.ones(2, 3))
            temporary = nn.Linear(3, 3)
            hidden = temporary(y)
            gone = [weakref.ref(hidden), weakref.ref(temporary)]
            del hidden, temporary
            assert [ref() for ref in gone] == [None, None]
        gone = [weakref.ref(y), weakref.ref(net)]
        del y, net
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()
    assert rec.notes == []


def test_a_deep_graph_that_was_recorded_can_be_freed():
    code = (
        "import threading, torch, graphviz_autograd as gva\n"
        "def work():\n"
        "    step, y = torch.nn.Tanh(), torch.ones(1, requires_grad=True)\n"
        "    with gva.record() as rec:\n"
        "        for _ in range(60_000): y = step(y)\n"
        "threading.stack_size(512 * 1024)\n"
        "with gva.record(): thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


# ---- what comes of it


def test_modules_and_lines_survive_json_and_match_the_schema():
    net = Net()
    with gva.record(net) as rec:
        y = net(torch.ones(2, 3))
    graph = gva.walk(y, net, record=rec)
    text = graph.to_json()
    assert gva.Graph.from_json(text) == graph
    jsonschema.validate(json.loads(text), schema(), jsonschema.Draft202012Validator)
    assert copy.deepcopy(graph) == graph
    assert "modules: 5 calls: 1 × Net, 2 × act, 1 × layers.1, 1 × layers.0" in graph.summary()
    assert f"lines:   of 8 ops, in {_SHARED['__file__']}" in graph.summary()
    plain = json.loads(gva.walk(y, net).to_json())
    assert "calls" not in plain
    assert not [node for node in plain["nodes"] if "module" in node or "line" in node]


def test_a_box_tells_its_module_and_line_when_pointed_at():
    net = Net()
    with gva.record(net) as rec:
        y = net(torch.ones(2, 3))
    dot = gva.make_dot(y, net, record=rec)
    assert 'tooltip="layers.1 (Linear)\n' in dot.source
    assert 'tooltip="act (Tanh), call 2\n' in dot.source
    svg = dot.pipe(format="svg", encoding="utf-8")
    assert 'xlink:title="act (Tanh), call 2&#10;' in svg
    assert "tooltip" not in gva.make_dot(y, net).source
    assert "tooltip" in gva.make_dot(y, net, record=rec, style="classic").source


@pytest.mark.parametrize("odd", ['a"\\N<b>&lt;', "C:\\temp\\new", "\\\\G", "a\\", "&#65;"])
def test_odd_paths_reach_the_tooltip_as_they_are(odd):
    model = nn.Module()
    model.add_module(odd, nn.Tanh())
    with gva.record(model, lines=False) as rec:
        y = model._modules[odd](torch.ones(1, requires_grad=True))
    svg = gva.make_dot(y, record=rec).pipe(format="svg", encoding="utf-8")
    tooltips = re.findall('xlink:title="(.*?)"', svg)  # of the box, and of the frame around it
    assert {html.unescape(tooltip) for tooltip in tooltips} == {f"{odd} (Tanh)"}


def test_an_accumulator_is_in_no_module_even_while_one_runs():
    class Looks(nn.Module):
        def forward(self, x):
            return gva.walk(x.sin(), record=rec)

    with gva.record() as rec:
        graph = Looks()(torch.ones(1, requires_grad=True))
    assert {n.op: n.module and n.module.path for n in graph.nodes if n.kind == "op"} == {
        "SinBackward0": "Looks",
        "AccumulateGrad": None,
    }


def test_bad_input_is_one_clear_line():
    with pytest.raises(TypeError, match="record takes a module or nothing, not of type Tensor"):
        gva.record(torch.ones(2))
    y = torch.ones(2, requires_grad=True).exp()
    with pytest.raises(TypeError, match="record takes what `with gva.record.* not of type Net"):
        gva.walk(y, record=Net())
    rec = gva.record()
    with rec:
        pass
    with pytest.raises(gva.GraphvizAutogradError, match="made once"), rec:
        pass
    assert gva.walk(y, record=gva.record()).nodes, "one that noted nothing knows nothing"
