"""What may be asked of the engine from outside, a mutation's part: handed a session, it never commits."""
