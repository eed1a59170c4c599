"""A data pipeline: tables in, tables, models and figures out."""
