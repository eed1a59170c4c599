"""Functions: how they are replaced, what their calls reach, give and do.

In: a call of a wrapper. Out: what it gives, recorded or made for real.

`wrappers` stands in the place of functions; `plans.FunctionPlan` is how one is
mimicked, `plans.FunctionCall` one call, which its `Player` answers when it comes again.
`outcomes` replays and makes calls in their `layers` (awaited, item by item), `effects`
notes files and random numbers, `code` and `inputs` what a call reaches of the project,
`mocks` and `clocks` what a test has replaced, `mutations` what a call has changed.

It stands beside the clients, on the engine.
"""
