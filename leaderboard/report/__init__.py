"""The leaderboard as page, tables, Markdown and badge."""
