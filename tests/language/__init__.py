"""What people say to the task agent, and what it makes of that."""
