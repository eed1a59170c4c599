"""Queries a SQLite database by SQLAlchemy."""

import os
from functools import cache

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

SECRET = "pw-4711-conformance-0815"


@cache
def engine():
    return sa.create_engine(f"sqlite:///{os.environ['DATABASE']}", poolclass=NullPool)


def call(text):
    with engine().connect() as connection:
        return connection.execute(sa.text("SELECT :text, answer FROM answers"), {"text": text}).all()


def fail():
    with engine().connect() as connection:
        connection.execute(sa.text("SELECT nothing FROM nowhere"))


def send_secret():
    with engine().connect() as connection:
        connection.execute(
            sa.text("SELECT answer FROM answers WHERE answer = :password"), {"password": SECRET}
        )
