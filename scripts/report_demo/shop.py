"""A shop whose report is drawn: rates, orders in a database, labels, an assistant."""

from __future__ import annotations

import json
from typing import Any

import httpx
import sqlalchemy as sa

RATES = "http://api.rates.example/v1/rates"
LABELS = "http://labels.example/v2/labels"
CHAT = "http://api.openai.com/v1/chat/completions"
TOOL = {
    "type": "function",
    "function": {
        "name": "find_order",
        "description": "Find an order by its number.",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}
metadata = sa.MetaData()
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("customer", sa.String(40)),
    sa.Column("total", sa.Numeric(8, 2)),
    sa.Column("state", sa.String(20)),
)


def rate(base: str, currency: str, day: str) -> float:
    """Return how many units of a currency one unit of another gives."""
    answer = httpx.get(RATES, params={"base": base, "day": day})
    return answer.raise_for_status().json()["rates"][currency]


def label(number: int) -> bytes:
    """Return the picture on a parcel. The service may be busy at first."""
    for _ in range(3):
        answer = httpx.get(f"{LABELS}/{number}.png")
        if answer.status_code != 503:
            break
    return answer.raise_for_status().content


def open_orders(engine: sa.Engine) -> list[tuple[str, Any]]:
    """Return the customers of the orders that are not paid, with the totals."""
    query = sa.select(orders.c.customer, orders.c.total)
    query = query.where(orders.c.state == "open").order_by(orders.c.id)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _asked(messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5-mini", "messages": messages, **more}


def answer(question: str) -> str:
    """Answer a customer's question, with a tool that finds orders."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are the assistant of a small book shop."},
        {"role": "user", "content": question},
    ]
    while True:
        reply = httpx.post(CHAT, json=_asked(messages, tools=[TOOL])).json()
        message = reply["choices"][0]["message"]
        if not message.get("tool_calls"):
            return message["content"]
        messages.append(message)
        for call in message["tool_calls"]:
            found = {"number": 1042, "state": "sent", "carrier": "DHL"}
            messages.append(
                {
                    "role": "tool",
                    "tool_call_id": call["id"],
                    "content": json.dumps(found),
                }
            )


def blurb(title: str) -> str:
    """Return a text about a book, which arrives word by word."""
    messages = [{"role": "user", "content": f"Praise the book {title} in a sentence."}]
    words = []
    with httpx.stream("POST", CHAT, json=_asked(messages, stream=True)) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: {"):
                # The last event has the tokens, and no choice.
                for choice in json.loads(line[6:])["choices"]:
                    words.append(choice["delta"].get("content", ""))
    return "".join(words)
