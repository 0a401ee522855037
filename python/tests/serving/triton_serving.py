# SPDX-License-Identifier: MIT
"""examples/triton without Triton: its configuration by Triton's own schema, its model.py by requests as Triton gives
them."""

import importlib.util
import json
import pathlib
import shutil
import sys

import numpy as np
import pytest
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from small_network import CLASSES, ROOT, SIZE

MODEL = ROOT / "examples/triton/classifier"


@pytest.fixture(scope="module")
def config():
    return text_format.Parse((MODEL / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


@pytest.fixture(scope="module")
def utils():
    sys.path.insert(0, str(pathlib.Path(__file__).with_name("stand_in")))
    import triton_python_backend_utils
    return triton_python_backend_utils


@pytest.fixture(scope="module")
def model(config, network, utils, tmp_path_factory):
    """model.py in a repository, initialized as Triton does it, for the small network."""
    folder = tmp_path_factory.mktemp("models") / "classifier"
    shutil.copytree(MODEL, folder)
    shutil.copy(network, folder / "1" / "network.onnx")
    config.input[0].dims[:2] = [SIZE, SIZE]
    config.output[0].dims[:] = [CLASSES]
    spec = importlib.util.spec_from_file_location("model", folder / "1/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.TritonPythonModel()
    model.initialize({
        "model_config": json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True)),
        "model_instance_kind": "CPU", "model_instance_device_id": "0", "model_instance_name": "classifier_0",
        "model_repository": str(folder), "model_version": "1", "model_name": "classifier"})
    return model


def test_the_configuration_has_batches_and_pixels(config):
    assert config.backend == "python" and config.max_batch_size == 8 and config.HasField("dynamic_batching")
    assert [port.name for port in config.input] == ["pixels"] and [port.name for port in config.output] == ["logits"]


def answers(model, utils, batches):
    responses = model.execute([utils.InferenceRequest([utils.Tensor("pixels", batch)]) for batch in batches])
    assert len(responses) == len(batches)
    return responses


def test_requests_of_a_batch_have_the_bits_of_pictures_alone(model, utils, pictures, alone):
    cuts = [0, 1, 4, 5, 8]  # requests of 1, 3, 1 and 3 pictures
    batches = [pictures[begin:end] for begin, end in zip(cuts, cuts[1:])]
    for (begin, end), response in zip(zip(cuts, cuts[1:]), answers(model, utils, batches)):
        assert not response.has_error()
        logits, = response.output_tensors()
        assert logits.name() == "logits" and logits.as_numpy().tobytes() == alone[begin:end].tobytes()


def test_a_wrong_request_leaves_the_others_alone(model, utils, pictures, alone):
    first, wrong, last = answers(model, utils, [pictures[:2], pictures[2:3, 1:], pictures[3:4]])
    assert wrong.has_error() and str(SIZE - 1) in wrong.error().message()
    assert first.output_tensors()[0].as_numpy().tobytes() == alone[:2].tobytes()
    assert last.output_tensors()[0].as_numpy().tobytes() == alone[3:4].tobytes()


def test_more_pictures_than_planned_are_refused(model, utils, pictures):
    response, = answers(model, utils, [pictures[:9]])
    assert response.has_error() and "9" in response.error().message()
