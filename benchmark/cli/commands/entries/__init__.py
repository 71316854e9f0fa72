"""Commands on entries of a leaderboard: made elsewhere, submitted, verified, ranked."""
