"""How runs stand in rows: what moves them, what follows from it, and what they have to do with each other."""
