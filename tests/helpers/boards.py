"""A folder of submissions with hostile text, and the page of boards."""

from medshift.leaderboard.analysis.accuracy_line import lines
from medshift.leaderboard.analysis.correlation import correlation
from medshift.leaderboard.report.page import page as render

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> | [a](javascript:alert(1)) \u202e"


def page(boards):
    return render(boards, [correlation(found) for found in boards], [lines(found) for found in boards])


def root(fabricate, folder, **changes):
    """Make a folder with one protocol and five submissions of three entries."""
    place, made, rows = fabricate.contest(folder, fabricate.table(groups=8), **changes)
    for seed in (0, 1):
        training = fabricate.trained(3000, (0.7, 0.4 - seed / 10, 0.5))
        fabricate.submission(place, made, rows, "good+lr=0.01", seed, skill=3.0, summary=HOSTILE, training=training)
        fabricate.submission(place, made, rows, "poor", seed, skill=1.0)
    fabricate.submission(place, made, rows, "adapting", 0, skill=2.0, sees="test-batches", config={"a<b": HOSTILE})
    return folder
