"""Is a gradient right, and if not, where does it go wrong?

    check      verify(), check_graph(): what a person calls
    subject    running their function on copies
    tape       which operators ran under which node: a dispatch mode that records
    program    what was recorded: Calls and Values, plain data
    overwritten  what was changed in place, and in which line
    replay     running it again, on the engine or on torch, in any dtype
    in_parts   what has no rule, run on the engine as something that has one
    nodes      torch's own graph taken backward by hand, node by node
    groups     the Calls that ran under each node, and what they took
    vjps       the gradients of these, by the node's edges
    local      one node beside the rules for what ran under it
    quick      the same, cheaply, for a node that matches
    stand_ins  what is called in place of a node that must not be
    whole      the whole graph, there and back
    blame      which node makes the whole wrong, where each by itself is right
    second     gradients of gradients, through the whole graph
    numeric    finite differences
    sides      the leaves' gradients by each side, in numbers
    chance     random numbers for all of these
    compare    tolerances, and where two tensors differ
    outcome    what became of one check
    examine    all checks of one graph on one device
    across     two devices beside each other
    report     the Report
    ops        the sweep over torch's own database of operators

This room may import the engine, the walker, names and the recorder.
"""
