"""What becomes of a call: its place, its owner, replayed, made for real or refused.

In: a `Call` of a function or a client, which says what counts of it. Out: a recorded
outcome, a `Real` around the real call, or an error; rows of `Events` for who tells it.

`run.Run` is one run; `owners.Owner` a test, fixture or cassette; `logs.Log` its calls,
with the `recorded_calls`; `shared` the cache of what all tests share. A call begins in
`begin`: `taking` finds its `place`, where it is replayed and kept, `decide` says what
becomes of it, `real` is the block around a real call, `verifying` compares, and `told`
tells it.
`lifecycle` ends owners, `refusals` and `nearest` word errors, `unused` judges.

It knows neither a function nor a client: what it needs of them is a field of `Call`.
"""
