"""What severities do to images: similarity, matched severities, calibration."""
