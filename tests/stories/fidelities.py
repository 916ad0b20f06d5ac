"""What both fidelities must agree on."""

from __future__ import annotations

import numpy as np

from twin.report import Run


def assert_same_requests(batch: Run, event: Run) -> None:
    """Hold every request of two runs to the same instants."""
    for name in ("arrived_at_s", "first_token_at_s", "done_at_s"):
        np.testing.assert_allclose(
            batch.requests[name], event.requests[name], rtol=0, atol=1e-9, err_msg=name
        )
