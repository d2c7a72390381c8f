"""The member registry, pure: what members say of their keys, and the state that follows from it.

Bytes in, trusted state out: ``statement`` reads, ``view`` folds, ``card`` carries sealing keys.
"""
