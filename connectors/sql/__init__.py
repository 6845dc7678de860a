"""Databases and warehouses that are asked in SQL, behind one capability."""
