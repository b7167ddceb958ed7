"""What decides the next step of a run, from its input and the steps that stand."""
