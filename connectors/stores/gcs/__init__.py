"""Google Cloud Storage as a store of objects; only this folder knows its library."""
