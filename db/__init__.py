"""What is stored: tables, statements, sessions, and the private Postgres that holds them by default."""
