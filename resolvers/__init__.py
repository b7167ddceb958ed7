"""What each field does: takes plain arguments, answers rows or raises errors; knows nothing of GraphQL."""
