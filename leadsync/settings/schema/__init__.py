"""The shape of every YAML file: which keys may stand where, which values they take, what counts when one is left out.

One module per file. Names that must exist elsewhere are checked by the builders in `settings`, not here.
"""
