"""Is a gradient right? Today: the engine held against torch.autograd, operator by operator.

    ops        the sweep over torch's own database of operators

This room may import the engine, the walker and names.
"""
