"""Filling an empty organisation: with the recorded demo, or with as many generated runs as a benchmark needs."""
