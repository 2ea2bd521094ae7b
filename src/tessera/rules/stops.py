"""A programme without the offers that central has stopped, outside its text.

Owns: the copy that prices then, made once for each set of stopped offers. What was stopped comes in
with the place of a sale and is recorded with it, so that the sale prices alike ever after.
Must never: change the programme that it is given.
"""

from dataclasses import replace

from tessera.rules.programme import Programme

COPIES_MAX = 4
"""Most copies that are remembered for a programme; one is in use, others are of sales gone by."""


def without(programme: Programme, stopped: tuple[str, ...]) -> Programme:
    """Give the programme in which these offers are stopped as well; names it lacks are ignored."""
    if not stopped:
        return programme
    names = frozenset(name for name in stopped if name in programme.by_id) | programme.stopped
    if names == programme.stopped:
        return programme
    copies = programme.kept.setdefault("stopped", {})
    assert isinstance(copies, dict)
    known = copies.get(names)
    if known is None:
        if len(copies) >= COPIES_MAX:
            copies.clear()
        known = copies[names] = replace(programme, stopped=names)
    assert isinstance(known, Programme)
    return known
