"""The effect of severities on images: similarity, matched severities, calibration."""
