"""The audit in print: page, charts, terminal."""
