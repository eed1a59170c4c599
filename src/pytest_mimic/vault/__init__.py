"""The vault keeps recordings as files that people read, merge and edit."""
