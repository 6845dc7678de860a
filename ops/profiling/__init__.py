"""Profiling of the installation's processes: what they do, hold, ask the database, and how long operations take."""
