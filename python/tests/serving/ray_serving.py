# SPDX-License-Identifier: MIT
"""examples/serve_ray.py by real HTTP requests: batches form by themselves, and every answer has the bits of its picture
alone. Requests that are wrong get a 400 and the reason, and change nothing for others."""

import collections
import concurrent.futures
import http.client
import io
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading

import numpy as np
import pytest
from PIL import Image

from small_network import PICTURES, ROOT, SIZE, free_port

CLIENTS, MOST = 8, 8
ARRAY = "application/x-npy"


def start_ray(ray, folder):
    """Ray gives itself 30 s, which is little where all cores are busy."""
    for attempts_left in (2, 1, 0):
        try:
            return ray.init(address="local", num_cpus=1, num_gpus=0, include_dashboard=False, _temp_dir=folder,
                            object_store_memory=80 << 20, log_to_driver=False, logging_level="ERROR")
        except Exception:
            ray.shutdown()
            if attempts_left == 0:
                raise


@pytest.fixture(scope="module")
def port(network):
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # short: paths of sockets end at 107 characters
    sys.path.insert(0, str(ROOT / "examples"))
    os.environ.update(PYTHONPATH=os.pathsep.join(sys.path), RAY_USAGE_STATS_ENABLED="0",  # Ray's processes have it, too
                      RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S="60")
    import ray
    import serve_ray
    from ray import serve

    try:
        start_ray(ray, folder)
        port = free_port()
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(serve_ray.app(serve_ray.Settings(network=str(network), size=SIZE, most=MOST, mean=127,
                                                   scale=1 / 128)))
        yield port
    finally:
        if ray.is_initialized():
            serve.shutdown()
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def encoded(array):
    body = io.BytesIO()
    np.save(body, array)
    return body.getvalue()


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def post(self, body, content_type=ARRAY):
        self.connection.request("POST", "/", body, {"Content-Type": content_type})
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())


def bits(logits):
    return np.asarray(logits, np.float32).tobytes()


def test_answers_have_the_bits_of_the_picture_alone(port, pictures, alone, capsys):
    begin = threading.Barrier(CLIENTS)
    sizes = collections.Counter()
    refused = []

    def client(number):
        mine = Client(port)
        begin.wait(60)
        for index in range(number, PICTURES, CLIENTS):
            if index // CLIENTS % 8 == number:  # between others' good ones
                refused.append(mine.post(encoded(pictures[index, 1:])))
            order = "F" if index % 5 == 0 else "C"
            status, answer = mine.post(encoded(np.asarray(pictures[index], order=order)))
            assert status == 200, answer
            assert bits(answer["logits"]) == bits(alone[index]), f"picture {index}, in a batch of {answer['batch']}"
            assert answer["classes"] == np.argsort(-alone[index])[:5].tolist()
            sizes[answer["batch"]] += 1

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client, number) for number in range(CLIENTS)]:
            done.result(300)

    assert sum(sizes.values()) == PICTURES
    batches = {size: answers // size for size, answers in sorted(sizes.items())}
    assert all(answers % size == 0 for size, answers in sizes.items())
    assert max(batches) > 1 and max(batches) <= MOST
    with capsys.disabled():
        print(f"\nRay, {PICTURES} requests from {CLIENTS} clients; batches: " +
              ", ".join(f"{count} of {size}" for size, count in batches.items()))
    assert len(refused) >= CLIENTS
    for status, answer in refused:
        assert status == 400 and f"{SIZE - 1}" in answer["error"], answer


def test_pictures_are_taken_as_files(port, pictures, alone):
    body = io.BytesIO()
    Image.fromarray(pictures[3]).save(body, "PNG")
    status, answer = Client(port).post(body.getvalue(), "image/png")
    assert status == 200 and bits(answer["logits"]) == bits(alone[3])


@pytest.mark.parametrize("body, content_type, reason", [
    (encoded(np.zeros((SIZE, SIZE, 3), np.float32)), ARRAY, "u8"),
    (encoded(np.zeros((SIZE, SIZE), np.uint8)), ARRAY, ""),
    (encoded(np.zeros((SIZE, SIZE, 4), np.uint8)), ARRAY, "4"),
    (encoded(np.zeros((0, SIZE, 3), np.uint8)), ARRAY, "0"),
    (encoded(np.array([{}], object)), ARRAY, "pickle"),
    (encoded(np.zeros((SIZE, SIZE, 3), np.uint8))[:-1], ARRAY, ""),
    (b"", ARRAY, ""),
    (b"PK\x03\x04 no archive", ARRAY, "zip"),
    (encoded(np.zeros((SIZE, SIZE, 3), np.uint8)).replace(b"32, 32, 3)", b"1000000000, 1000000000)"), ARRAY, ""),
    (b"\x93NUMPY\x01\x00\x03\x00(((", ARRAY, ""),
    (b"no picture", "image/png", "cannot identify image"),
])
def test_wrong_requests_are_told_why(port, pictures, alone, body, content_type, reason):
    client = Client(port)
    status, answer = client.post(body, content_type)
    assert status == 400 and answer["error"] and reason in answer["error"], answer
    status, answer = client.post(encoded(pictures[0]))
    assert status == 200 and bits(answer["logits"]) == bits(alone[0])
