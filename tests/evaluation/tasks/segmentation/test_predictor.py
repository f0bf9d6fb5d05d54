"""A network predicts only scans that are prepared as those that it was trained on."""

import pytest
import torch

from pcrl.config import load_recipe
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.predictor import Inputs, Trained
from pcrl.evaluation.tasks.registry import entry_of
from pcrl.evaluation.tasks.segmentation.predictor import VolumePredictor
from pcrl.evaluation.tasks.segmentation.target import Target


def test_a_network_of_mr_with_the_earlier_window_is_refused(tmp_path):
    recipe = load_recipe("cpu-3d").model_dump(mode="json")
    rebuild = {
        "target": Target(("organ",), ((1,),), (1,)).plain(), "channels": 4, "patch": [16, 16, 16],
        "modality": "mr", "recipe": recipe, "data": recipe["data"],
    }  # fmt: skip
    with pytest.raises(ProtocolError, match="trained on MR as an earlier version"):
        VolumePredictor(Trained(tmp_path, entry_of("brats"), rebuild), Inputs(()), torch.device("cpu"))
