"""Models that exist already, as files or by name: opened without unpickling, and predicted with.

`opening.open_model` picks a reader by the file; each returns an `Opened` model with what the file states of its input
and output. `interface.settle` completes that by the user's options and by defaults, `checking.checked` tries it on
source validation, and `brought.BroughtModel` is the result: a fitted model that `runs.run` tests under every condition.
"""
