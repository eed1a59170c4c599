"""What a recorded call ran and read: notes the project's functions and files, and finds those that have changed."""
