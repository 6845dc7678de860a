"""Measurements: benchmarks that print figures beside their goals, and later load tests."""
