"""What the logs of a run say, by pandas: times, errors, caches, limits, and whether the objectives are reached."""
