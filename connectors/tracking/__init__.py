"""Tracking servers of experiments, behind one capability."""
