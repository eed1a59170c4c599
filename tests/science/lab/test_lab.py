"""25 tests as a data scientist writes them."""

import lab
import numpy as np
import pandas as pd
import pytest
import torch

X = torch.arange(16.0).reshape(8, 2)
Y = torch.ones(8, 1)


@pytest.fixture
def net():
    return lab.Net()


@pytest.fixture
def sales():
    return lab.sales(90)


def test_training_lowers_the_loss(net):
    losses = lab.train(net, X, Y)

    assert losses[-1] < losses[0]


def test_training_changes_the_net(net):
    before = net.first.weight.detach().clone()

    lab.train(net, X, Y)

    assert not torch.equal(before, net.first.weight.detach())


def test_more_epochs_train_more(net):
    assert len(lab.train(net, X, Y, epochs=5)) == 5


def test_a_callback_is_passed(net):
    assert lab.train(net, X, Y, on_epoch=print)


def test_the_state_is_a_view_of_the_net(net):
    state = lab.train_and_give_state(net, X, Y)

    assert state["first.weight"].data_ptr() == net.first.weight.data_ptr()


def test_the_optimizer_moves_on(net):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    first = lab.step(net, optimizer, X, Y)

    assert lab.step(net, optimizer, X, Y) < first


def test_predicting_sets_the_mode(net):
    assert lab.predict(net, X).shape == (8, 1)
    assert not net.training


def test_a_trained_net_predicts(net):
    before = lab.predict(lab.Net(), X)
    lab.train(net, X, Y)

    assert not torch.equal(before, lab.predict(net, X))


def test_embeddings():
    assert lab.embed(["a", "b"]).shape == (2, 64)


def test_embeddings_as_lists():
    assert lab.embed_as_lists(["a", "bc"])["a"][2] == 1e-9


def test_a_text_is_generated():
    torch.manual_seed(1)

    assert len(lab.generate(5)) == 5


def test_a_generator_of_torch_moves_on():
    generator = torch.Generator().manual_seed(3)

    first = lab.sample(3, generator)

    assert not torch.equal(first, lab.sample(3, generator))


def test_a_generator_of_numpy_moves_on():
    rng = np.random.default_rng(3)

    assert lab.noisy(3, rng).tolist() != lab.noisy(3, rng).tolist()


def test_batches():
    assert [len(batch) for batch in lab.batches(X, 3)] == [3, 3, 2]


def test_a_checkpoint_is_read(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "net.pt")

    assert lab.load(tmp_path / "net.pt")["last.bias"].shape == (1,)


def test_a_regression():
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0]})

    slope, guesses = lab.regress(frame)

    assert (round(slope, 6), guesses.round(6).tolist()) == (2.0, [1.0, 3.0, 5.0])


def test_sales_have_types(sales):
    assert sales["day"].dtype.kind == "M"
    assert sales["shop"].tolist()[:3] == ["Oslo", "Bern", "Rome"]


def test_sums_by_shop(sales):
    assert lab.per_shop(sales).loc["Oslo"] == sum(range(0, 90, 3))


def test_a_pivot(sales):
    assert lab.pivot(sales).columns.tolist() == ["Bern", "Oslo", "Rome"]


def test_categories(sales):
    assert lab.categories(sales)["shop"].cat.categories.tolist() == [
        "Bern",
        "Oslo",
        "Rome",
    ]


def test_gaps_and_zones(sales):
    assert lab.with_gaps(sales)["n"].isna().sum() == 2
    assert str(lab.in_zone(sales)["day"].dt.tz) == "Europe/Oslo"


def test_a_column_is_dropped(sales):
    assert "n" not in lab.clean(sales)


def test_a_description(sales):
    assert lab.describe(sales).loc["max", "n"] == 89


def test_an_image_becomes_small():
    assert lab.thumbnail(np.zeros((16, 16), np.uint8)).shape == (4, 4)


def test_counts_and_reports(net):
    assert lab.confusion(np.array([0, 1, 1]), np.array([0, 1, 0])).tolist() == [
        [1, 0],
        [1, 1],
    ]
    assert lab.report(net, X)["layers"] == 3
