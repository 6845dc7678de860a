"""The revisions of the schema. `python -m maestro.db.migrations` drafts the next one from the tables."""
