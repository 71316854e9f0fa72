"""The gallery of shifts: every shift at five severities on a picture of its modality, as one page."""
