"""Reading of untrusted files in a child process that the operating system bounds, which hands back plain values."""
