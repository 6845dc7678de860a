"""Looking after the database: its health, slow statements, optimising, housekeeping, and what is counted ahead."""
