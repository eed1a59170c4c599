"""The vault keeps recordings as files that people read, merge and edit.

In: a `Recording`, the head of a file with its calls, each an `Entry`. Out: the same,
read again, or an error that names the damage and the command that helps.

`vault.Vault` reads, writes and puts back, one file at a time, each write atomic;
`folder` is the file system, `locks` lets one process write at a time, `recording` is
the JSON, `fields` the type and range of each field, `names` the file of an owner.

It knows no run of pytest. It imports values for trees and digests.
"""
