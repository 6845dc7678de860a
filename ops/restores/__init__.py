"""Restores: a database filled from a backup takes the place of the present one, and the way back."""
