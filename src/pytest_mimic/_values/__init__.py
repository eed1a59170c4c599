"""Values of any type: how they open into parts, which libraries they come from, what people call them."""
