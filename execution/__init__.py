"""How operations run: declarations of fields, and later the operation cache, guards and the plan executor."""
