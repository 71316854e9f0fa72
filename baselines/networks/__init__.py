"""Networks: those of timm and MONAI as medshift uses them, what they take, and their initial weights."""
