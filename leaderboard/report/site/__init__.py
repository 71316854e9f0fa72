"""The site: an index of boards, the picture of each, links between pages."""
