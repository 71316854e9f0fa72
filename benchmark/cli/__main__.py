"""`python -m medshift.benchmark.cli` is `medshift`."""

from .start import main

main()
