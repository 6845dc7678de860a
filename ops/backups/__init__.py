"""Backups: how they are made, sealed, described, checked and removed; functions that know no queue."""
