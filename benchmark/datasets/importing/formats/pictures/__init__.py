"""Pictures: PNG, JPEG, TIFF and BMP."""
