"""Values: opened into one tree, identified, stored, compared and drawn.

In: any object of Python. Out: a `Tree`, which is plain JSON with tags; its digest, the
identity; what of it is stored, as JSON or as a pickle; the object made again.

`walk.Walk` opens a value once, for its identity or to keep it. Rules for types stand in
`rows` (Python), `arrays`, `tensors`, `frames` and `libraries`; `state` takes all other
objects apart. `making.Maker` and `pickles` make values, `states` sets what a call has
changed, `folders` moves paths, `differences` and `drawing` serve people.

It knows no call and no file, and imports only errors and words.
"""
