"""Batched reads: one class an answer, `fetch(keys)` runs one statement whatever the number of keys."""
