"""``python -m ariigcn_dgl`` is the command ``ariigcn``."""

from ariigcn_dgl.cli import main

if __name__ == "__main__":
    main()
