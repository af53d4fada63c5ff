"""The gallery: short scripts that show what autograd builds, and what draws them.

Each script here is an entry: its docstring says what to look at and which lesson it comes
from, and it runs by itself, as in `python gallery/d2l_dot.py`. `entries` finds and reads
them, `build` draws them.

This room may use the public names, the script room and emit.
"""
