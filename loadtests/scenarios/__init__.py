"""The scenarios: plans of phases, each of which is decided in view of how the one before went."""
