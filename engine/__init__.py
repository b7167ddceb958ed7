"""How runs advance and what they are made of: models, tools, and the understanding of language."""
