"""Input files of EnergyPlus as lists of fields."""

from __future__ import annotations

from twin.errors import Fault, ScenarioError

Fields = list[str]


class Idf:
    """Objects of an input file by kind; a name is its first field."""

    def __init__(self, text: str) -> None:
        bare = "\n".join(line.split("!", 1)[0] for line in text.splitlines())
        self._objects: dict[str, list[Fields]] = {}
        for written in bare.split(";"):
            kind, *fields = [field.strip() for field in written.split(",")]
            if kind:
                self._objects.setdefault(kind.lower(), []).append(fields)

    def all(self, kind: str) -> list[Fields]:
        """Every object of a kind."""
        return self._objects.get(kind.lower(), [])

    def one(self, kind: str, name: str | None = None) -> Fields:
        """The first object of a kind, or the one with a name."""
        return self.with_field(kind, 0, name)

    def with_field(self, kind: str, place: int, value: str | None) -> Fields:
        """The first object of a kind that has a value in a field; any for None."""
        for fields in self.all(kind):
            if value is None or (len(fields) > place and fields[place].lower() == value.lower()):
                return fields
        fault = Fault("", 0, "idf", "nothing", f"{kind} {value or ''}".strip(), "add the object")
        raise ScenarioError("an input file lacks an object", [fault])

    def constant(self, name: str) -> float:
        """Value of a constant schedule."""
        return float(self.one("Schedule:Constant", name)[2])
