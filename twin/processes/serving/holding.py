"""Prompts that a group holds back, so that its replicas compute them in the same iteration."""

from __future__ import annotations

from collections.abc import Sequence

from twin.processes.serving.replica import Replica


class Hold:
    """Says when prompts of a group start.

    Parameters
    ----------
    replicas : sequence of Replica
        Of the group; the first one says for how many iterations prompts are held back at most.
    """

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._longest = int(replicas[0].engine.prefill_delay) if len(replicas) > 1 else 0
        self._left: int | None = None  # iterations to go, while prompts are held back

    def count(self) -> None:
        """An iteration of the group is over."""
        if self._left:
            self._left -= 1

    def end(self) -> None:
        """Nothing is held back any more."""
        self._left = None

    def starts(self) -> bool:
        """Whether prompts start at this boundary, before any are admitted."""
        if self._longest and self._left is None and any(replica.is_ready for replica in self._replicas):
            self._left = self._longest
        waits_for = [r for r in self._replicas if r.is_up and not r.prefill and not r.is_ready]
        decodes = any(replica.decode for replica in self._replicas)
        if waits_for and decodes and self._left:
            return False
        self.end()
        return True
