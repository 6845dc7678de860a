"""Wires everything together and serves it; imported by nobody."""
