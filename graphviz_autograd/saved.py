"""What autograd nodes keep for their backward, looked at without unpacking.

`node._saved_x` unpacks: it can rerun a checkpointed forward, call a person's hooks, or
raise. `node._raw_saved_x.data` only looks: it is the tensor, or whatever a hook packed it
into. After backward it is None; so it is for a tensor that was never there (an absent
bias), and only then is `_saved_x` asked, which by then has nothing left to unpack.

Used by the walker; may import names, tensors and graph of ours.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch

from graphviz_autograd.graph import Attr, Edge, Node
from graphviz_autograd.names import Names, is_tensor, memory_key, plain
from graphviz_autograd.tensors import Infos

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Saved(NamedTuple):
    """One tensor that one op saved.

    `state` is "" for a tensor that is there, "freed" for one that backward let go, and for
    one that a hook packed the type of what it was packed into. `tensor` is the tensor, or
    the packed one if that is a tensor too, or None. `custom` says that a custom
    `autograd.Function` saved it, `position` counts what one op saved.
    """

    op: int
    field: str
    tensor: torch.Tensor | None
    state: str
    custom: bool
    position: int = 0


class Fields:
    """The saved fields of one type of autograd node, and how to read them."""

    def __init__(self, kind: type) -> None:
        names = sorted(name for name in dir(kind) if name.startswith("_saved_"))
        self.custom = hasattr(kind, "saved_tensors")
        self.tensors = [
            (name, f"_raw{name}", name.removeprefix("_saved_"))
            for name in names
            if hasattr(kind, f"_raw{name}")
        ]
        raw = {name for name, _, _ in self.tensors}
        self.plain = [(name, name.removeprefix("_saved_")) for name in names if name not in raw]

    def wanted(self, attrs: bool, saved: bool) -> bool:
        """Whether there is anything to read."""
        return self.custom or bool(self.tensors and (attrs or saved)) or bool(self.plain and attrs)

    def read(
        self, fn: Any, op: int, attrs: bool, saved: bool
    ) -> tuple[list[Saved], dict[str, Attr]]:
        """What node number `op` saved, and its attributes by name."""
        if self.custom:
            return list(_read_custom(fn, op)), {}
        found: list[Saved] = []
        said: dict[str, Attr] = {}
        if attrs or saved:
            for name, raw, field in self.tensors:
                parts, text = _read_field(fn, op, name, raw, field)
                if saved:
                    found += parts
                if attrs:
                    said[field] = text
            if len(found) > 1:
                found = [part._replace(position=index) for index, part in enumerate(found)]
        if attrs:
            for name, field in self.plain:
                said[field] = _attribute(fn, name)
            said = dict(sorted(said.items()))
        return found, said


_FIELDS: WeakKeyDictionary[type, Fields] = WeakKeyDictionary()


def fields_of(kind: type) -> Fields:
    """The saved fields of a type of autograd node, found out once."""
    if kind not in _FIELDS:
        _FIELDS[kind] = Fields(kind)
    return _FIELDS[kind]


def _read_field(fn: Any, op: int, name: str, raw: str, field: str) -> tuple[list[Saved], Attr]:
    """One field that holds a tensor, or a tuple of them, and what to say of it in one text."""
    try:
        holder = getattr(fn, raw)
    except RuntimeError:
        return [Saved(op, field, None, "freed", False)], "[freed]"
    if isinstance(holder, tuple):
        looks = [_look(fn, op, name, f"{field}[{i}]", part) for i, part in enumerate(holder)]
        parts = [part for part in looks if part is not None]
        return parts, "[freed]" if any(p.state == "freed" for p in parts) else "[saved tensors]"
    part = _look(fn, op, name, field, holder)
    if part is None:
        return [], None
    return [part], "[freed]" if part.state == "freed" else "[saved tensor]"


def _look(fn: Any, op: int, name: str, field: str, holder: Any) -> Saved | None:
    data = holder.data
    if data is None and holder.unpack_hook is None:
        return Saved(op, field, None, "freed", False) if _is_freed(fn, name) else None
    packed = holder.unpack_hook is not None
    whose = None if packed else getattr(holder, "variable", None)
    tensor = None if whose is None else whose()  # the engine keeps the numbers, and whose they are
    return _saved(op, field, data if tensor is None else tensor, packed, False, 0)


def _saved(op: int, field: str, data: Any, packed: bool, custom: bool, index: int) -> Saved:
    tensor = data if is_tensor(data) else None
    return Saved(op, field, tensor, type(data).__name__ if packed else "", custom, index)


def _is_freed(fn: Any, name: str) -> bool:
    """Whether a field without data was let go by backward; if not, it never held a tensor."""
    try:
        getattr(fn, name)
    except RuntimeError:
        return True
    return False


def _read_custom(fn: Any, op: int) -> list[Saved]:
    try:
        holders = fn._raw_saved_tensors
    except RuntimeError:
        return [Saved(op, "saved tensors", None, "freed", True)]
    found = []
    for index, holder in enumerate(holders or ()):
        packed = holder.unpack_hook is not None
        if packed or holder.data is not None:
            found.append(_saved(op, "", holder.data, packed, True, index))
    return found


def _attribute(fn: Any, name: str) -> Attr:
    try:
        return _plain(getattr(fn, name))
    except RuntimeError as error:
        return f"[{str(error).splitlines()[0]}]"


def _plain(value: Any) -> Attr:
    """A value as JSON can hold it: scalars and sequences as they are, anything else as text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value - 2**64 if value >= 2**63 else value  # torch tells -1 as 2**64 - 1
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, tuple | list):
        return tuple(_plain(part) for part in value)
    return _ADDRESS.sub("", str(value))


class Boxes:
    """Gives each piece of saved memory one box, however many ops saved it."""

    def __init__(self, nodes: list[Node], names: Names, infos: Infos) -> None:
        self._nodes, self._names, self._infos = nodes, names, infos
        self._leaves: dict[int, int] = {}  # id(tensor) -> number
        self._known: dict[Any, int] = {}
        self._held: list[torch.Tensor] = []  # identities stay true while we compare them

    def know(self, number: int, tensor: torch.Tensor) -> None:
        """A leaf or an input, which has a box already."""
        self._leaves[id(tensor)] = number
        self._known.setdefault(self._key(tensor, number), number)

    def edge(self, saved: Saved) -> Edge:
        """The edge between an op and the box of what it saved; the box is made where needed."""
        number = self._box(saved)
        if saved.custom:
            return Edge(number, saved.op, "saved", 0, saved.position)
        return Edge(saved.op, number, "saved", saved.position)

    def _box(self, saved: Saved) -> int:
        tensor = saved.tensor
        if id(tensor) in self._leaves:
            return self._leaves[id(tensor)]
        number = len(self._nodes)
        key = None
        if tensor is not None and not saved.state:
            key = self._key(tensor, number)
            if key in self._known:
                self._note_field(self._nodes[self._known[key]], saved.field)
                return self._known[key]
        node = Node(number, "saved", saved.field)
        if tensor is not None:
            node.outputs = (self._infos.of(tensor, number),)
            node.data = {"bytes": _bytes(tensor)}
        if saved.state == "freed":
            node.attrs = {"freed": True}
        elif saved.state:
            node.attrs = {"packed": saved.state}
        if key is not None and tensor is not None:
            node.names = self._names.of(tensor)
            self._known[key] = number
        self._nodes.append(node)
        return number

    @staticmethod
    def _note_field(node: Node, field: str) -> None:
        """The same memory may be one op's result and the next one's input."""
        if node.kind == "saved" and field and field not in node.op.split(", "):
            node.op = f"{node.op}, {field}" if node.op else field

    def _key(self, tensor: torch.Tensor, number: int) -> Any:
        """What a tensor is recognised by: its memory, or where that is not told, the object."""
        key = memory_key(tensor)
        if key is None:
            self._held.append(tensor)
            note = f"node {number}: no storage to compare (a {_layout(tensor)} tensor)"
            if note not in self._infos.unread:
                self._infos.unread.append(note)
        return key or id(tensor)


def _layout(tensor: torch.Tensor) -> str:
    return str(plain(tensor).layout).removeprefix("torch.")


def _bytes(tensor: torch.Tensor) -> int:
    """The size of a tensor's elements in bytes; for a sparse tensor, of those it holds."""
    try:
        return int(plain(tensor).nbytes)
    except (RuntimeError, NotImplementedError):
        return 0
