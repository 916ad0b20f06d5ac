"""A model that is no card: its ``config.json`` beside the scenario."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import twin
from twin.errors import ScenarioError
from twin.scenario import digest

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 128256,
    "torch_dtype": "bfloat16", "tie_word_embeddings": False,
}  # fmt: skip
SHORT = {"time.duration": "20 s", "time.sample": "10 s", "serving.tensor_parallel": 1}


@pytest.fixture
def beside(scenarios: Path, tmp_path: Path) -> Path:
    """A scenario in a folder of its own, with a model beside it."""
    (tmp_path / "own-model").mkdir()
    (tmp_path / "own-model" / "config.json").write_text(json.dumps(LLAMA))
    base = scenarios / "one-rack.yaml"
    text = f"scenario: own\ndescription: Its own model.\nbase: {base}\nset:\n  serving.model: own-model\n"
    (tmp_path / "own.yaml").write_text(text)
    return tmp_path / "own.yaml"


def test_a_config_serves_as_the_card_of_the_same_model(scenarios: Path, beside: Path, tmp_path: Path) -> None:
    own = twin.run(twin.load(beside, set=SHORT), out=tmp_path / "own")
    card = twin.run(twin.load(scenarios / "one-rack.yaml", set=SHORT | {"serving.model": "llama-3.1-8b"}),
                    out=tmp_path / "card")  # fmt: skip
    assert own.kpis()["tpot_mean_s"] == pytest.approx(card.kpis()["tpot_mean_s"], rel=1e-9)


def test_the_content_of_the_config_names_the_run_not_its_place(beside: Path, tmp_path: Path) -> None:
    first = digest(twin.load(beside))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(beside, moved)
    shutil.copytree(tmp_path / "own-model", moved / "own-model")
    assert digest(twin.load(moved / beside.name)) == first
    (moved / "own-model" / "config.json").write_text(json.dumps(LLAMA | {"num_hidden_layers": 16}))
    assert digest(twin.load(moved / beside.name)) != first


def test_a_config_that_is_not_there(scenarios: Path) -> None:
    with pytest.raises(ScenarioError) as error:
        twin.load(scenarios / "one-rack.yaml", set={"serving.model": "no/config.json"})
    assert [fault.where for fault in error.value.faults] == ["serving.model"]


def test_names_of_the_hub_are_known(scenarios: Path) -> None:
    found = twin.load(
        scenarios / "one-rack.yaml",
        set={"serving.model": "deepseek-ai/DeepSeek-R1", "serving.weights": "fp4"},
    )
    assert found.serving.model == "deepseek-ai/DeepSeek-R1"
