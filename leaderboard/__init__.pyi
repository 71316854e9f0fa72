from .build import build_leaderboard as build_leaderboard
from .ranking.board import rank_entries as rank_entries

__all__ = ["build_leaderboard", "rank_entries"]
