"""Operations: functions over the database, the stores and the machine; no GraphQL, no job engine."""
