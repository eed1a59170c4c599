"""Record expensive function calls once, and replay them in every test run after."""
