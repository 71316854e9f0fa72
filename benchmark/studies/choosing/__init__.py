"""How a study is run: its choices held against what was chosen for this run."""
