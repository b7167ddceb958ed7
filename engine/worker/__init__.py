"""Who carries runs: the worker, the loop of a run, its pen, and what any worker does by the clock."""
