"""The JSON Schema that editors use agrees with the loader and is current."""

from __future__ import annotations

import json

import pytest

from twin import catalog
from twin.scenario import json_schema, write_json_schema
from twin.scenario.reader import read

from .conftest import SCENARIOS

FILES = sorted([*SCENARIOS.glob("*.yaml"), *SCENARIOS.glob("overlays/*.yaml")])


def test_the_shipped_schema_is_current(tmp_path):
    write_json_schema(tmp_path / "now.json")
    shipped = SCENARIOS / "scenario.schema.json"
    assert shipped.read_text() == (tmp_path / "now.json").read_text(), "run: python -m twin.scenario"


def test_catalog_names_can_be_completed():
    parts = json_schema()["$defs"]
    known, _ = parts["Serving"]["properties"]["model"]["anyOf"]  # or a name on Hugging Face, or a file
    assert known["enum"] == list(catalog.names("llm"))
    assert "least-outstanding-tokens" in parts["Serving"]["properties"]["routing"]["enum"]
    assert "pump-trip" in parts["Event"]["properties"]["kind"]["enum"]


def test_every_property_of_the_scenario_is_described_or_typed():
    for part in json_schema()["$defs"].values():
        assert part["additionalProperties"] is False
        for name, value in part["properties"].items():
            assert set(value) & {"description", "type", "enum", "anyOf", "$ref"}, name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_shipped_files_are_valid_in_editors(path):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(json.dumps(dict(read(path)[0].document))), json_schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("time.tick", 1),
        ("time.tick", "1 kW"),
        ("serving.model", "gpt-9"),
        ("serving.max_batch", "many"),
        ("colour", 1),
    ],
)
def test_wrong_values_are_marked_in_editors(path, value):
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads(json.dumps(dict(read(SCENARIOS / "gb200-hall.yaml")[0].document)))
    *way, last = path.split(".")
    here = document
    for key in way:
        here = here[key]
    here[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())
