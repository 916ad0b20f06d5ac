"""``python -m twin.scenario FILE`` writes the JSON Schema, as after adding a catalog card."""

import sys

from twin.scenario.editor import write_json_schema

write_json_schema(sys.argv[1] if len(sys.argv) > 1 else "scenarios/scenario.schema.json")
