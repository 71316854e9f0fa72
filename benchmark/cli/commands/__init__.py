"""The commands of `medshift`, a file each; they import what costs time when they run, not before."""
