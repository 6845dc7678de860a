"""Databases of documents, behind one capability."""
