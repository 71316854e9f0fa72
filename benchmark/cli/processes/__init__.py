"""Programs that medshift starts as processes of their own; nobody types their names."""
