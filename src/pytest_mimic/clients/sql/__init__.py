"""SQLAlchemy, above whichever driver."""
