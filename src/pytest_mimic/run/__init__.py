"""The pytest side: settings, phases of tests, fixtures, the summary.

In: hooks of pytest. Out: owners that begin and end, failed tests, a section and a page.

`session.Session` holds what one run has, `course` the hooks of the run, `phases` those
of a test, `fixtures` those of fixtures. `verdicts` fails tests, `selection` knows which
tests ran, `summary`, `remarks`, `costs` and `report` tell what happened, from events
alone.
"""
