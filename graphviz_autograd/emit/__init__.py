"""Graph -> text and pictures. Imports graph and errors of ours, and never torch.

drawn.py       what of a Graph a picture has, whatever the format
boxes.py       what a box says and how it looks; words.py its text, found.py what verify found
dot.py         DOT, as a digraph.Picture that can be held and rendered; classic.py older torchviz's
legend.py      what colours and arrows mean
themes.py      colours; theme_file.py a person's own, colors.py the names of colours
layout.py      DOT -> picture in a child process (layout_child.py), by Graphviz or layered/
titles.py      ids and titles of an SVG
json.py        all of a Graph, and back; graphml.py and mermaid.py for other programs
summary.py     a few lines of text
files.py       a file by its suffix, whole or not at all
"""
