"""Graph -> Graph, to make a picture that can be read. Imports graph and errors of ours.

Every transform takes a Graph and gives a new one, and leaves the given one as it was.
Collapsing and folding make groups (nodes of kind "group"), put nodes into them (`parent`) and
close them (`Graph.closed`): `visible` says what is then drawn, and nothing is lost.

groups.py    what those that make groups share
modules.py   a group for each module call; collapse
repeats.py   equal blocks as one box: sequences.py says what follows what, equal_blocks.py (with
             periods.py) which are equal, block_names.py what they are called
plumbing.py  accumulators within their leaves, views and copies as thin boxes
leaves.py    a leaf of many uses drawn once for each
parts.py     focus, between, hide, only; bridges.py has the arrows across what is hidden
finding.py   what a person means by a name or a pattern
"""
