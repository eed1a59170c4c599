"""Databases behind SQLAlchemy."""
