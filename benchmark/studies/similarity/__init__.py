"""The study `similarity`: which stages training changes, and at which depth a scanner's noise or blur enters."""
