"""Values and calls as short plain data that JSON keeps, as text to read, and what differs between two of them."""
