"""Cannot even be imported."""

raise RuntimeError("wrong phase of the moon")
