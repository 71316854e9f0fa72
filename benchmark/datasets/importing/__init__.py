"""Reading images as hospitals have them: manifests, folders, pictures, DICOM, NIfTI."""
