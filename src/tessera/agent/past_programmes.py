"""The programmes by which sales of the past were priced, parsed when one is asked for.

Owns: the few that are kept parsed. Must never: price a new sale; `programme_in_force` does.
"""

from collections import OrderedDict

from tessera.agent.till_state import TillState
from tessera.core.errors import has_errors
from tessera.rules.programme import Programme, parse_programme
from tessera.store.till import kept_bundles

_PARSED_MAX = 4


class PastProgrammes:
    """Programmes by the hash of their bundle, as far as this register still keeps the bundle."""

    def __init__(self, state: TillState) -> None:
        self._state = state
        self._parsed: OrderedDict[str, Programme] = OrderedDict()

    def find(self, bundle: str) -> Programme | None:
        """The programme of a bundle; None when the register has it no more."""
        now = self._state.programme
        if bundle and bundle == now.bundle:
            return now.programme
        if bundle in self._parsed:
            self._parsed.move_to_end(bundle)
            return self._parsed[bundle]
        with self._state.engines.reader.connect() as connection:
            kept = kept_bundles.find(connection, bundle)
        if kept is None:
            return None
        programme, problems = parse_programme(kept.text, file=f"bundle {bundle[:12]}")
        if programme is None or has_errors(problems):
            return None
        self._parsed[bundle] = programme
        if len(self._parsed) > _PARSED_MAX:
            self._parsed.popitem(last=False)
        return programme
