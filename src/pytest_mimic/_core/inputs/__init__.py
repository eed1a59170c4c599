"""What recorded calls reach and read in the project, noted and compared."""
