"""Syncs between two stores of objects: compared, planned, carried out object by object, and undone."""
