"""What was tracked elsewhere, brought into a project: again and again without anything twice."""
