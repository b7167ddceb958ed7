"""When something is: how it is said, found in a sentence, and reckoned from now."""
