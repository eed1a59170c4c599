"""Recordings on disk: readable, content-addressed, written whole or not at all.

What is what:

| noun | what |
|---|---|
| store | files by name, in a folder or in memory (`store`, `folder`) |
| recording | the facts of a call and its outcomes, one JSON file (`recording_facts`) |
| cassette | the same for a list of calls in order |
| entry | an outcome in that JSON: duration, value or object (`outcome_entries`) |
| object | a file of its own, named by its content (`objects`) |
| stored outcome | an entry, or an outcome in memory that will become one |
| format | names of files, and JSON as it is read (`format`) |
| reader, writer | what reads and writes recordings (`reading`, `writing`) |
| locks | who may write, and who may delete (`locks`) |

A recording is `calls/shop.api/fetch/5f….json`, a cassette `cassettes/trip.json`, an
object `objects/9f/9f….pkl`.

`Vault` is what others use. `Vault.reader` makes stored outcomes of entries
(`recording_facts`); these load their value through `Objects`. `Vault.writer` compares
with what the file says already. Both are loaded when a run first needs them.

One recording, told. `fetch("EUR")` gave a frame that no JSON holds exactly.

1. *Written.* `Writer.encoded` makes a pickle of the frame in memory. `Writer.write`
   joins the runs that record (`locks`), so that nobody deletes objects, and reads what
   the file says now. `Objects.write_object` writes the pickle as `objects/9f/9f….pkl`
   if it is not there. The entry names it, with the list of what the pickle imports. The
   JSON is written under a temporary name and renamed, under the lock for writing, and
   only if the file still is what was read.
2. *Replaced.* Recorded again, an equal frame leaves the entry, test and date as they
   are; source and inputs are renewed. Another frame is another object. The old one is
   in `Written.replaced`: the end of the run deletes it unless another recording names
   it.
3. *Found.* A replay knows the identity of its call, and so the name of the file. It
   reads and parses the file, without the description of the arguments. `Objects` checks
   the pickle against its name and its list before it loads it. A recording of one plain
   value takes a shorter way: `Vault.read_value` gives what makes a fresh value for each
   call.
4. *Cleared.* `Writer.delete` deletes the recording while it keeps all other writers
   out. If no run is recording, it looks at what the remaining recordings name, and
   deletes the objects that none of them does.
"""

from __future__ import annotations

from pytest_mimic._core.vault.folder import FolderStore
from pytest_mimic._core.vault.format import recording_name
from pytest_mimic._core.vault.vault import Vault

__all__ = ["FolderStore", "Vault", "recording_name"]
