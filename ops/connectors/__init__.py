"""What is done with connectors: opening, testing, browsing and querying them; functions without GraphQL and queue."""
