"""Labels of the public data sets, which the table of sets lists without reading a file."""

GRADES = ("no-dr", "mild", "moderate", "severe", "proliferative")  # the international scale, 0 to 4
REFERABLE = ("not-referable", "referable")  # moderate or worse
SEXES = ("male", "female")
AGES = ("under-50", "50-and-over")
DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
BLOOD_CELLS = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
FOUR_BLOOD_CELLS = ("eosinophil", "lymphocyte", "monocyte", "neutrophil")  # too few basophils outside one source
VESSEL_OR_NOT = ("background", "vessel")
