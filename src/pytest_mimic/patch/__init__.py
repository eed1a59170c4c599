"""Replaces functions wherever they are held, and restores them exactly.

In: a line of `mimic_functions` (a `Target` with its `Options`), or a client's `Edge`.
Out: the function that it names, replaced at each holder by a wrapper, until the end.

`targets` reads lines, `named` and `modules` find what they name, `patches.Patches`
replaces it, `holders` searches who else holds it, `imports` waits for modules that are
not loaded, `clients` lists the clients and their adapters.

It knows no call.
"""
