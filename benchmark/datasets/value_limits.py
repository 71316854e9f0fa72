"""From where stored values are worth a word: the same when data are added and when they are audited."""

from __future__ import annotations

USUAL = 0.05  # fraction of images that may lie beyond the usual values on either side
LITTLE = 0.3  # of the scale: a set that uses less of it is nearly black, or nearly uniform
OUTLYING = 0.5  # fraction of the range that only outliers use
DEPTHS = 3.5  # ratio of the greatest values of two domains from which depths or units differ: two bits are 4.0
