"""Text as data: what a person named a tensor comes out of the picture as they typed it.

Graphviz reads a label as a small language of its own: backslashes, `\\N` and `\\G`,
character references such as `&lt;`, line ends. XML forbids some characters altogether.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphviz_autograd.graph import Attr, ModuleCall, Node, TensorInfo

_LINE_ENDS = re.compile(r"\r\n|[\n\r]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def shown(text: str) -> str:
    """A name as one line that XML can hold: line ends as ⏎, forbidden characters as U+FFFD.

    >>> shown("two\\nlines")
    'two⏎lines'
    """
    if text.isascii() and text.isprintable():
        return text
    return _NOT_XML.sub("\ufffd", _LINE_ENDS.sub("⏎", text))


def shape_text(info: TensorInfo) -> str:
    """A shape as it is written in a box.

    >>> shape_text(TensorInfo((2, 3), "float32", "cpu"))
    '(2, 3)'
    """
    return "(?)" if info.shape is None else f"({', '.join(map(str, info.shape))})"


def tensor_text(info: TensorInfo, several_devices: bool = False) -> str:
    """A tensor as a box tells it: its dtype where it is not float32, its device where the
    picture has several.

    >>> half = TensorInfo((2, 3), "bfloat16", "cuda:1")
    >>> tensor_text(half), tensor_text(half, several_devices=True)
    ('(2, 3) bfloat16', '(2, 3) bfloat16 cuda:1')
    """
    dtype = f" {info.dtype}" if info.dtype != "float32" else ""
    return f"{shape_text(info)}{dtype}{f' {info.device}' if several_devices else ''}"


def several_devices(nodes: Iterable[Node]) -> bool:
    """Whether the tensors of these nodes are on more than one device."""
    return len({info.device for node in nodes for info in node.outputs}) > 1


def module_text(call: ModuleCall) -> str:
    """A module call as it is told to a person.

    >>> module_text(ModuleCall("layers.3", "Block", 2)), module_text(ModuleCall("", "Net", 1))
    ('layers.3 (Block), call 2', 'Net')
    """
    name = f"{call.path} ({call.class_name})" if call.path else call.class_name
    return name if call.call == 1 else f"{name}, call {call.call}"


def group_lines(group: Node) -> list[str]:
    """What a group is, in one line or two.

    >>> block = Node(9, "group", "module", modules=(ModuleCall("h.0", "Block", 1),))
    >>> group_lines(block)
    ['Block', 'h.0']
    >>> group_lines(Node(9, "group", "repeat", attrs={"of": "Block", "count": 12}))
    ['Block ×12']
    """
    attrs, call = group.attrs, group.module
    if group.op == "module" and call is not None:
        path = "" if call.path == call.class_name else call.path
        again = f"call {call.call}" if call.call > 1 else ""
        lines = [call.class_name, ", ".join(part for part in (path, again) if part)]
    elif group.op == "repeat":
        lines = [f"{attrs.get('of') or 'step'} ×{attrs.get('count')}", _blocks(attrs)]
    elif group.op == "more":
        lines = [f"{attrs.get('count')} more", _blocks(attrs)]
    elif group.op == "chain":
        lines = [_chain_text([str(name) for name in _parts(attrs.get("chain"))])]
    else:
        lines = [*group.names] or [group.op]
    return [shown(line) for line in lines if line]


def _blocks(attrs: dict[str, Attr]) -> str:
    return ", ".join(str(block) for block in _parts(attrs.get("blocks")))


def _parts(value: Attr) -> tuple[Attr, ...]:
    return value if isinstance(value, tuple) else ()


def _chain_text(names: list[str]) -> str:
    """What looks at a tensor in another way, one after the other.

    >>> _chain_text(["view", "t"]), _chain_text(["view", "t", "expand", "clone", "view"])
    ('view · t', 'view · t · … · view')
    """
    return " · ".join(names if len(names) < 5 else [*names[:2], "…", names[-1]])


def quoted(text: str) -> str:
    """A label as a quoted DOT string that Graphviz draws letter by letter.

    >>> print(quoted('a\\\\N "b" &lt;'))
    "a\\\\N \\"b\\" &amp;lt;"
    """
    text = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def quoted_tooltip(text: str) -> str:
    r"""A tooltip likewise: Graphviz goes over its backslashes twice.

    >>> print(quoted_tooltip(r'a\N "b" &lt;'))
    "a\\\\N \"b\" &amp;lt;"
    """
    return quoted(text.replace("\\", "\\\\"))
