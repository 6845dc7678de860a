"""Documents that clients name instead of sending: manifests, what is known, what clients leave, and usage."""
