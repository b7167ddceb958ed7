"""A private Postgres for whoever has none: its programs, its place, and the process that keeps it."""
