"""Models of pydantic 2."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Address(BaseModel):
    city: str
    code: int = 0


class Person(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str
    born: date
    address: Address
    balance: Decimal = Decimal("0.00")
    _seen: int = PrivateAttr(0)


def person():
    made = Person(
        name="Ann", born=date(2001, 2, 3), address=Address(city="Oslo"), nick="A"
    )
    made._seen = 3
    return made


ARGUMENTS = {"model": person}
OUTCOMES = {"model": person, "set fields": lambda: Address(city="Oslo", code=0)}
