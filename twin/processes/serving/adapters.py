"""Adapters that a replica holds."""

from __future__ import annotations


class Adapters:
    """Slots for adapters; those that the batch uses cannot be replaced.

    Parameters
    ----------
    slots : int
        How many are held at once.

    Examples
    --------
    >>> adapters = Adapters(1)
    >>> adapters.fits(3), adapters.use(3), adapters.fits(4)
    (True, True, False)
    >>> adapters.release(3, 1.0)
    >>> adapters.fits(4), adapters.use(3), adapters.use(-1)
    (True, False, False)
    """

    def __init__(self, slots: int) -> None:
        self.held = [-1] * slots
        self.users = [0] * slots
        self.used_s = [0.0] * slots

    def fits(self, adapter: int) -> bool:
        """Whether it is there or can be loaded; -1 is the base model."""
        return adapter < 0 or adapter in self.held or 0 in self.users

    def use(self, adapter: int) -> bool:
        """Count one user more of an adapter that fits; returns whether it had to be loaded."""
        if adapter < 0:
            return False
        is_new = adapter not in self.held
        if is_new:
            unused = [slot for slot, users in enumerate(self.users) if users == 0]
            self.held[min(unused, key=lambda s: (self.held[s] >= 0, self.used_s[s], s))] = adapter
        self.users[self.held.index(adapter)] += 1
        return is_new

    def release(self, adapter: int, now_s: float) -> None:
        """Count one user less."""
        if adapter >= 0:
            slot = self.held.index(adapter)
            self.users[slot] -= 1
            self.used_s[slot] = now_s
