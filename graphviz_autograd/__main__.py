"""`python -m graphviz_autograd`: the same as the `gva` command."""

from graphviz_autograd.cli import main

if __name__ == "__main__":
    main()
