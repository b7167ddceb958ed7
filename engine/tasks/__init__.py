"""Tasks: how they are changed, and how people speak of them."""
