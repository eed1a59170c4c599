"""What happens to a call, and what is kept of it.

The nouns:

| noun | what it is | module |
|---|---|---|
| run | what a run is made of: settings, vault, and the next three | `run` |
| account | what has happened in the run, for its summary | `account` |
| event | one thing that has happened, such as a miss | `account_events` |
| current | the running test, and the owner of the calls of now | `current` |
| real calls | what runs for real now, and the code inside of it | `current` |
| plan | how one activation mimics a function or a client | `call`, `client_plan` |
| covering | the targets that are in force for a while, and their plans | `coverings` |
| port | the engine as the edges of one client see it | `client_plan` |
| call | one invocation, bound and identified | `call` |
| owner | the test, scope or cassette that calls belong to | `owners` |
| scopes | the owners in turn, and what is kept of what each has recorded | `scopes` |
| track | the outcomes of a file; a place for each of equal calls | `equal_calls` |
| decision | replay, run, verify or refuse, from facts | `decisions` |
| refusal | the error of a call that gets no outcome | `refusals` |
| blame | a miss or a drift is counted, and its test fails | `blame` |
| cassette | what a block may read of its track | `cassettes`, `cassette_tracks` |
| step | what is to be done with a call, until it has ended | `steps` |
| performer | what runs a user's function, and replays it | `execution`, `streams` |
| observed | what is noted of a real call while it runs | `record` |
| descriptions, recorder, verifier | the layers above a replay | `call`, `steps` |
| turn | what one thread, of one process, decides and writes at once | `recordings` |
| family | the processes of a run that has forked | `family`, `family_events` |

One call, recorded and replayed: `httpx.get(URL)` in a test.

1. A `Run` has begun. `Coverings.cover` has put the edges of httpx in place, with a
   `ClientPlan` for the line `httpx` in their `Port`. The test begins, and is the owner
   of its calls from now on: `Scopes.begin_test` sets `Current.owner`.
2. The edge of httpx describes the request in plain data (`ClientCall`) and asks its
   port. The port finds the line that takes the call; its plan identifies the call.
3. `begin.begin` finds the track: the file of this identity that belongs to the owner.
   `Track.take` gives the call the next place among equal ones and states the facts: the
   mode, what stands in the place, how far the conversation is.
4. `decisions.decide` answers. Nothing is recorded and the mode records: `Run`.
5. The edge gets a step that is to run. It sends the request, and gives the answer to
   `Step.finish`. `record.record` encodes it, and puts it in its place (`Track.put`),
   which writes the file, with an empty place for each equal call that has begun and
   not ended. A `RecordedCall` is appended to the account.
6. The test ends. `Scopes.end_test` ends what is still open, records the calls that were
   cancelled if the test has passed, and takes back what a failed test may not keep.

A second equal request of the test takes the place behind the first one. As the first
one ran for real, it runs, too, and its outcome becomes the second of the file
(`equal_calls`).

In the next run the place holds an outcome and the mode records nothing: `Replay`. The
edge builds its client's response from `Step.outcome`, which appends a `Replay` to the
account. If the recorded call had waited, the edge waits, too (`waits`). Where the place
is empty, the decision is `Refuse`: `Refusal` makes the error, and `blame` appends a
`Miss` and lets the test fail, even if the code under test catches the error.

A plain value of a function takes a shorter way: `wrappers` asks the plan's players,
which the first such call has filled (`FunctionPlan.play_first`).
"""
