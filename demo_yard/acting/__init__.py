"""Events in a yard: acts, their cast, and the timelines of their moves."""
