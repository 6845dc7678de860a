"""Background jobs: rows that a request inserts, and the workers that run them as durable workflows on DBOS."""
