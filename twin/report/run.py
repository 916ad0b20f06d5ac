"""A run as people handle it: key figures, labelled series, tables."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.report.aiperf import statistics
from twin.report.cooling import faults
from twin.report.kpis import kpis
from twin.report.serving import Serving
from twin.report.source import Source, open_source
from twin.results import Series
from twin.results.layout import TRACE_NAME

if TYPE_CHECKING:
    import pandas as pd


class LabelledArray:
    """A recorded quantity with its labels; NumPy takes it for its values.

    Parameters
    ----------
    series : Series
        As read from the file.
    """

    def __init__(self, series: Series) -> None:
        self.name, self.unit, self.kind, self.meaning = series.name, series.unit, series.kind, series.meaning
        self.time_s, self.ids, self.values = series.time_s, series.ids, series.values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<{self.name} [{self.unit}] {len(self.time_s)} samples x {len(self.ids)} assets>"

    def of(self, asset: str) -> NDArray[np.float32]:
        """Values of one asset, array (time)."""
        return self.values[:, self.ids.index(asset)]

    def to_pandas(self) -> pd.DataFrame:
        """Table with the time [s] as index and a column an asset."""
        import pandas as pd

        return pd.DataFrame(self.values, index=pd.Index(self.time_s, name="time_s"), columns=list(self.ids))

    def to_xarray(self) -> Any:
        """The same with labelled dimensions; needs xarray."""
        import xarray as xr

        labels = {"time_s": self.time_s, "asset": list(self.ids)}
        attrs = {"units": self.unit, "long_name": self.meaning, "kind": self.kind}
        return xr.DataArray(self.values, labels, ("time_s", "asset"), self.name, attrs)


class Run:
    """An opened run.

    Parameters
    ----------
    file : Source
        Its result file.

    Attributes
    ----------
    path : Path
        What opens it again: the run folder, or the file where it has a name of its own.
    folder : Path
        Where the file is.
    """

    def __init__(self, file: Source) -> None:
        self.file = file
        self.folder: Path = file.path.parent
        self.path: Path = self.folder if file.path.name == TRACE_NAME else file.path
        self.attrs = file.attrs
        self.complete = file.complete

    def __repr__(self) -> str:
        return f"<Run {self.attrs['run_id']}{'' if self.complete else ' (incomplete)'}>"

    def __getitem__(self, name: str) -> LabelledArray:
        return LabelledArray(self.file.series(name))

    def kpis(self) -> dict[str, float]:
        """Key figures, SI units, the unit in every key."""
        return dict(self._kpis)

    @cached_property
    def _kpis(self) -> dict[str, float]:
        return kpis(self.serving)

    @cached_property
    def serving(self) -> Serving:
        """Requests with the measures of each."""
        return Serving(self.file)

    @cached_property
    def statistics(self) -> dict[str, dict[str, float]]:
        """Statistics by metric in SI units, as load generators give them; see :mod:`twin.report.aiperf`."""
        return statistics(self.serving)

    def by(self, grouping: str) -> pd.DataFrame:
        """What each tier, tenant, kind or replica got, a row each; SI units.

        Parameters
        ----------
        grouping : {"tier", "tenant", "kind", "replica"}
            What requests are grouped by.

        Raises
        ------
        ResultsError
            When requests cannot be grouped by it.
        """
        import pandas as pd

        return pd.DataFrame.from_dict(self.serving.by(grouping), orient="index").rename_axis(grouping)

    @cached_property
    def requests(self) -> pd.DataFrame:
        """Requests that finished, were rejected or are in the house at the end, in order of arrival."""
        import pandas as pd

        return pd.DataFrame(self.file.requests()).set_index("request").sort_index()

    @cached_property
    def events(self) -> pd.DataFrame:
        """What happened."""
        import pandas as pd

        return pd.DataFrame(self.file.events())

    @cached_property
    def faults(self) -> pd.DataFrame:
        """Faults of the cooling, with how long GPUs went on after each; see :mod:`twin.report.cooling`."""
        import pandas as pd

        return pd.DataFrame(faults(self.file))

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Hops and phases of requests; empty in batch fidelity."""
        import pandas as pd

        return pd.DataFrame(self.file.spans())

    @cached_property
    def flows(self) -> pd.DataFrame:
        """Flows that shared links with KV transfers; empty without any."""
        import pandas as pd

        return pd.DataFrame(self.file.flows())

    @cached_property
    def assets(self) -> dict[str, pd.DataFrame]:
        """What stands on the site, a table a kind."""
        import pandas as pd

        tables = {}
        for kind in self.file.kinds():
            columns = self.file.asset(kind)
            place, size = columns.pop("place"), columns.pop("size")
            for i, axis in enumerate("xyz"):
                columns[f"{axis}_m"], columns[f"size_{axis}_m"] = place[:, i], size[:, i]
            tables[kind] = pd.DataFrame(columns).set_index("id")
        return tables

    @property
    def scenario(self) -> str:
        """The resolved scenario as text."""
        return self.file.scenario

    @property
    def audit(self) -> dict[str, dict[str, float]]:
        """Balances with their residuals; empty in a torso."""
        return self.file.audit()


def open_run(path: str | PathLike[str]) -> Run:
    """Open a run, complete or torso.

    Raises
    ------
    ResultsError
        When there is no result file or it cannot be read.
    """
    return Run(open_source(Path(path)))


def kpis_of(path: str) -> dict[str, float]:
    """Key figures of a run folder; what a study asks for each of its runs."""
    return open_run(path).kpis()
