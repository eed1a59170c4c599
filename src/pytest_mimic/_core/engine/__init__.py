"""What happens to a call, and what is kept of it.

What a run is made of:

| noun | what it is | module |
|---|---|---|
| run | what a run is made of: settings, vault, and the next three | `run` |
| account | what has happened in the run, for its summary | `account` |
| event | one thing that has happened, such as a miss | `account_events` |
| current | the running test, and the owner of the calls of now | `current` |
| real calls | what runs for real now, and the code inside of it | `current` |
| recordings | what the run has found and written, by name | `recordings` |
| turn | what one thread, of one process, decides and writes at once | `recordings` |
| family | the processes of a run that has forked | `family`, `family_events` |
| growth | what a forked process tells of its account | `account_growth`, `family_log` |

What is mimicked, and whom its calls belong to:

| noun | what it is | module |
|---|---|---|
| plan | how one activation mimics a target | `function_plan`, `client_plan` |
| covering | the targets in force; which line covers a function | `coverings` |
| wrapper | what stands in the place of a function | `wrappers` |
| port | the engine as the edges of one client see it | `client_plan` |
| owner | the test, scope or cassette that calls belong to | `owners` |
| scopes | the owners in turn, and what is kept of what each has recorded | `scopes` |
| cassette | what a block may read of its track | `cassettes`, `cassette_tracks` |

One call on its way:

| noun | what it is | module |
|---|---|---|
| call | one invocation, bound and identified | `call` |
| player | what replays a plain value again and again | `function_plan`, `wrappers` |
| track | the outcomes of a file; a place for each of equal calls | `equal_calls` |
| inputs | the code and files that a call used, and what has changed | `stale_inputs` |
| decision | replay, run, verify or refuse, from facts | `begin`, `decisions` |
| refusal | the error of a call that gets no outcome | `refusals` |
| step | what is to be done with a call, until it has ended | `steps` |
| performer | what runs a user's function, and replays it | `execution`, `streams` |
| observed | what is noted of a real call while it runs | `record` |
| new answer | a service gave it, and the recorded one stayed | `stayed_answers` |
| arguments before | what a real call may not change | `mutated_arguments` |
| drift | how a real outcome differs from its recording | `verifying` |
| blame | a miss or a drift is counted, and its test fails | `blame` |
| wait | a replayed call gets no answer, as the recorded one got none | `waits` |
| layer | what a replay reaches of those above | `description_layer`, `verify_layer` |

What the run says of its calls:

| noun | what it is | module |
|---|---|---|
| wall time | the seconds of calls, of which some ran at once | `wall_time` |
| sender | who has sent the first of equal calls | `senders` |
| next run | what it will ask differently than this one | `next_run` |
| changed line | the options under which a missed call was recorded | `changed_lines` |
| other identity | a recorded call's, under other options | `recorded_identities` |
| equal outcomes | one of them may serve the calls of both | `equal_outcomes` |

One call, recorded and replayed: `httpx.get(URL)` in a test.

1. A `Run` has begun. `Coverings.cover` has put the edges of httpx in place, with a
   `ClientPlan` for the line `httpx` in their `Port`. The test begins, and is the owner
   of its calls from now on: `Scopes.begin_test` sets `Current.owner`.
2. The edge of httpx describes the request in plain data (`ClientCall`) and asks its
   port. The port finds the line that takes the call; its plan identifies the call.
3. `begin.begin` finds the track: the file of this identity that belongs to the owner.
   `Track.take` gives the call the next place among equal ones and states the facts: the
   mode, what stands in the place, and whether the conversation so far is replayed or
   real.
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

A run that verifies gets `Verify`: the edge sends the request, and gives the answer to
`Step.finish`, which compares it with the recording (`verifying`). The caller gets the
recorded answer all the same. A difference is a `Drift` in the account, for which the
test fails when it has ended.

A plain value of a function takes a shorter way: `wrappers` asks the plan's players,
which the first such call has filled (`FunctionPlan.play_first`). They answer only where
`decide` says once and for all that a good recording is replayed.
"""
