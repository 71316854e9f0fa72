"""`python -m medshift.benchmark.cli` is `medshift`."""

from .main import main

main()
