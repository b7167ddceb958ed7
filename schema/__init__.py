"""What clients see: types, inputs, results. Maps rows to types and problems to union members."""
