"""The database: tables, migrations, pool and rows."""
