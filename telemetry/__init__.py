"""What tells an operator how a process is doing: lines of log, figures, traces."""
