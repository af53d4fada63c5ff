"""DOT texts that layouts are tried on, and what pictures of them begin with; loaded by path."""

from __future__ import annotations

import struct

MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "jpg": b"\xff\xd8\xff", "gif": b"GIF8", "ps": b"%!PS"}


def chain(length: int) -> str:
    arrows = "".join(f"n{i} -> n{i + 1};" for i in range(length))
    return f"digraph {{ node [shape=box fontname=monospace] {arrows} }}"


def unrolled(steps: int) -> str:
    """A recurrent cell: every step reads the same four leaves, which is what dot is slow at."""
    lines = []
    for i in range(steps):
        for leaf in "wubc":
            lines.append(f"{leaf} -> {leaf}a{i}; {leaf}a{i} -> m{leaf}{i}; m{leaf}{i} -> add{i};")
        lines.append(f"add{i} -> tanh{i};")
        lines.append(f"tanh{i - 1} -> mw{i};" if i else "")
    return f"digraph {{ {' '.join(lines)} }}"


def png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", data[16:24])
    return width, height
