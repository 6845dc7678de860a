"""What was tracked here, written to other systems: again and again without anything twice."""
