"""The harness: data sets, protocols, the contract of a baseline, runs, submissions and scores.

>>> from medshift.benchmark import Condition, evaluate
>>> Condition("site-a", "synthesized", "gamma", 3, "contrast").key
'site-a/gamma@3'

`evaluate` does what `medshift run` does. Names load on use: importing this package imports no torch. They are listed in
`__init__.pyi`.
"""

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]


def __getattr__(name: str) -> object:
    """Load a public name; the version on use, too, as reading it takes most of the command line's start."""
    if name == "__version__":
        from importlib.metadata import version

        return version("medshift")
    return _load(name)
