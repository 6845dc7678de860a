"""The kernel: settings, errors, clock, access, database, events."""
