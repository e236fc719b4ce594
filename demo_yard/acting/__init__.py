"""What happens in a yard: acts, who plays them, and the timelines of their moves."""
