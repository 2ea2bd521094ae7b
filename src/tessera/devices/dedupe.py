"""Three filters: the same thing again, a thing read only once, the same error again.

Pure: time comes in with each label. Both remember a bounded number of payloads.
"""

from dataclasses import dataclass, replace

from tessera.devices.decoding.label import Label, Refusal
from tessera.devices.events import ReaderError

NS_PER_MS = 1_000_000
_REMEMBERED_MAX = 64


class Repeats:
    """Recognises a payload that the same reader gave a moment ago.

    Every repeat extends the time, so that a tag left on the reader counts once.
    """

    def __init__(self, within_ms: int) -> None:
        self._within_ns = within_ms * NS_PER_MS
        self._last: dict[str, int] = {}

    def is_repeat(self, payload: str, now_ns: int) -> bool:
        """Tell whether the payload repeats one, and remember it."""
        before = self._last.pop(payload, None)
        self._last[payload] = now_ns
        while len(self._last) > _REMEMBERED_MAX:
            del self._last[next(iter(self._last))]
        return before is not None and now_ns - before < self._within_ns


@dataclass(slots=True)
class _Candidate:
    label: Label
    reads: int
    last_ns: int
    given: bool = False


class Confirmation:
    """Lets a label through once it was read `reads` times in a row, each within `within_ms`.

    Readers of EM4100 tags repeat the number all the time, and noise now and then passes their
    one-byte checksum; two equal readings do not happen by chance.
    """

    def __init__(self, *, reads: int, within_ms: int) -> None:
        self._reads = reads
        self._within_ns = within_ms * NS_PER_MS
        self._candidate: _Candidate | None = None

    def offer(self, label: Label, now_ns: int) -> list[Label | Refusal]:
        """Take a reading; gives the label when it is confirmed, and a refusal for what was not."""
        given: list[Label | Refusal] = list(self.idle(now_ns))
        held = self._candidate
        if held is None or held.label.payload != label.payload:
            given += self._drop()
            held = self._candidate = _Candidate(label, 0, now_ns)
        held.reads += 1
        held.last_ns = now_ns
        if held.reads >= self._reads and not held.given:
            held.given = True
            given.append(held.label)
        return given

    def idle(self, now_ns: int) -> list[Refusal]:
        """Give up a reading that nothing confirmed in time."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        return self._drop()

    def deadline_ns(self) -> int | None:
        """Give the time at which the waiting reading is given up."""
        return self._candidate.last_ns + self._within_ns if self._candidate else None

    def _drop(self) -> list[Refusal]:
        held, self._candidate = self._candidate, None
        if held is None or held.given:
            return []
        message = f"a number was read {held.reads} time(s), {self._reads} are needed"
        return [Refusal("unconfirmed_single_read", message)]


@dataclass(slots=True)
class _Fold:
    first_ns: int
    latest: ReaderError | None = None
    count: int = 0


class ErrorFolding:
    """Folds equal errors that follow one another, so that a noisy line cannot flood its listener.

    The first of a kind passes at once; those within the time after it are counted and given as one
    event. No error is lost from the count.
    """

    def __init__(self, *, within_ms: int) -> None:
        self._within_ns = within_ms * NS_PER_MS
        self._folds: dict[str, _Fold] = {}

    def offer(self, error: ReaderError) -> list[ReaderError]:
        """Take an error; gives it, or nothing while it is being folded."""
        given = self.due(error.monotonic_ns)
        fold = self._folds.get(error.code)
        if fold is None:
            self._folds[error.code] = _Fold(error.monotonic_ns)
            return [*given, error]
        fold.latest = error
        fold.count += 1
        return given

    def due(self, now_ns: int) -> list[ReaderError]:
        """Give the folded errors whose time is over."""
        given: list[ReaderError] = []
        for code, fold in list(self._folds.items()):
            if now_ns - fold.first_ns < self._within_ns:
                continue
            if fold.latest is None:
                del self._folds[code]
            else:
                given.append(replace(fold.latest, repeats=fold.count))
                self._folds[code] = _Fold(now_ns)
        return given
