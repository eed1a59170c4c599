"""What a data scientist's tests call: models that are trained and asked, tables, images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.linear_model import LinearRegression
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(2, 8)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(8, 1)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.first(x))))


def train(net, x, y, epochs=20, on_epoch=None):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for epoch in range(epochs):
        optimizer.zero_grad()
        loss = ((net(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if on_epoch is not None:
            on_epoch(epoch)
    return losses


def train_and_give_state(net, x, y):
    train(net, x, y)
    return net.state_dict()


def step(net, optimizer, x, y):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def predict(net, x):
    net.eval()
    with torch.no_grad():
        return net(x)


def embed(texts):
    generator = torch.Generator().manual_seed(len(texts))
    return torch.randn(len(texts), 64, generator=generator)


def embed_as_lists(texts):
    return {text: [len(text) / 7, -0.5, 1e-9] for text in texts}


def generate(length):
    return torch.randint(0, 9, (length,)).tolist()


def sample(count, generator):
    return torch.randn(count, generator=generator)


def noisy(count, rng):
    return rng.normal(size=count)


def batches(x, size):
    yield from torch.split(x * 2, size)


def load(path):
    return torch.load(path, weights_only=True)


def regress(frame):
    model = LinearRegression().fit(frame[["x"]], frame["y"])
    return float(model.coef_[0]), model.predict(frame[["x"]])


def sales(days):
    shops = ["Oslo", "Bern", "Rome"]
    return pd.DataFrame(
        {
            "day": pd.date_range("2026-01-01", periods=days),
            "shop": [shops[number % 3] for number in range(days)],
            "n": range(days),
            "price": np.arange(days) / 4,
        }
    )


def per_shop(frame):
    return frame.groupby("shop")["n"].sum()


def pivot(frame):
    return frame.pivot_table(index="day", columns="shop", values="n")


def categories(frame):
    return frame.assign(shop=frame["shop"].astype("category"))


def with_gaps(frame):
    return frame.assign(n=frame["n"].astype("Int64").where(frame["n"] > 1))


def in_zone(frame):
    return frame.assign(day=frame["day"].dt.tz_localize("Europe/Oslo"))


def clean(frame, drop="n"):
    return frame.drop(columns=drop)


def describe(frame):
    return frame.describe(include=[np.number])


def thumbnail(pixels):
    return np.asarray(Image.fromarray(pixels).resize((4, 4)))


def confusion(truth, guess):
    return np.bincount(truth * 2 + guess, minlength=4).reshape(2, 2)


def report(net, x):
    return {"mean": float(x.mean()), "layers": len(list(net.children())), "ok": True}
