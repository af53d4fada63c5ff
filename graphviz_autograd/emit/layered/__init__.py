"""A plain layered layout: for graphs that dot would take minutes over.

plain.py          the steps of the layout
ranks.py          which row each box stands in
rows.py           what stands in each row, and in which order
columns.py        where in its row each box stands
routes.py         the line of each arrow
frames.py         rectangles around groups of boxes
onto_graphviz.py  a graph of Graphviz's library: read, and given its positions

Plain numbers in, plain numbers out, and nothing but the standard library: layout_child.py
loads this folder by its path, in a process that has nothing of ours.
"""

from .plain import Layout, layout

__all__ = ["Layout", "layout"]
