# SPDX-License-Identifier: MIT
"""examples/triton: its configuration by Triton's own schema, its model.py by requests as Triton gives them, and all of it
in a Triton server by real HTTP requests."""

import concurrent.futures
import http.client
import importlib.util
import json
import os
import pathlib
import shutil
import sys

import numpy as np
import pytest
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from small_network import CLASSES, PICTURES, ROOT, SIZE
from triton_server import triton_server

CLIENTS = 8

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
def repository(config, network, tmp_path_factory):
    """The example's, for the small network and no GPU."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(MODEL, folder / "classifier")
    shutil.copy(network, folder / "classifier/1/network.onnx")
    config.input[0].dims[:2] = [SIZE, SIZE]
    config.output[0].dims[:] = [CLASSES]
    config.instance_group[0].kind = model_config_pb2.ModelInstanceGroup.KIND_CPU
    (folder / "classifier/config.pbtxt").write_text(text_format.MessageToString(config))
    return folder


@pytest.fixture(scope="module")
def model(config, repository, utils):
    """model.py, initialized as Triton does it."""
    folder = repository / "classifier"
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


@pytest.fixture(scope="module")
def port(repository, tmp_path_factory):
    python = os.environ.get("FOLDCONV_TRITON_PYTHON")
    if not python:
        pytest.skip("no Triton server: run.sh beside this file says why")
    with triton_server(python, repository, tmp_path_factory.mktemp("triton")) as port:
        yield port


def infer(connection, pixels):
    """Status, and the logits or the error: the protocol of KServe, with tensors as they are behind the JSON."""
    head = json.dumps({
        "inputs": [{"name": "pixels", "shape": pixels.shape, "datatype": "UINT8",
                    "parameters": {"binary_data_size": pixels.nbytes}}],
        "outputs": [{"name": "logits", "parameters": {"binary_data": True}}]}).encode()
    connection.request("POST", "/v2/models/classifier/infer", head + pixels.tobytes(),
                       {"Inference-Header-Content-Length": str(len(head))})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        return response.status, json.loads(body)["error"]
    return 200, body[int(response.headers["Inference-Header-Content-Length"]):]


def test_a_server_answers_with_the_bits_of_the_picture_alone(port, pictures, alone, capsys):
    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for index in range(number, PICTURES, CLIENTS):
            status, logits = infer(connection, pictures[index:index + 1])
            assert status == 200, logits
            assert logits == alone[index].tobytes(), f"picture {index}"

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client, number) for number in range(CLIENTS)]:
            done.result(300)

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    status, error = infer(connection, np.concatenate([pictures, pictures])[:9])
    assert status == 400 and "8" in error
    connection.request("GET", "/v2/models/classifier/stats")
    stats = json.loads(connection.getresponse().read())["model_stats"][0]["batch_stats"]
    batches = {int(batch["batch_size"]): int(batch["compute_infer"]["count"]) for batch in stats}
    assert sum(size * count for size, count in batches.items()) == PICTURES
    assert max(batches) > 1
    with capsys.disabled():
        print(f"\nTriton, {PICTURES} requests from {CLIENTS} clients; batches: " +
              ", ".join(f"{count} of {size}" for size, count in sorted(batches.items())))
