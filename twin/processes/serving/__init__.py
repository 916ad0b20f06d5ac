"""Event fidelity of serving: every iteration, hop and transfer is a SimPy event.

The slow twin of :mod:`twin.models.serving`; ``docs/serving-engine.md`` says what both do. Written for clarity and
apart from the kernel: they share the tables of ``twin.models.serving.records``, the relations of
``twin.physics.inference``, the draws and the policies, and agree on every request to 1e-9 s. A request
leaves a span for every hop and phase.
"""

from twin.processes.serving.engine import EventServing
from twin.processes.serving.events import Instant, Span

__all__ = ["EventServing", "Instant", "Span"]
