"""From files as hospitals have them to a stored data set: manifests, folders, pictures, DICOM, NIfTI."""
