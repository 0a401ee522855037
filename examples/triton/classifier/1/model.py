# SPDX-License-Identifier: MIT
"""A classifier for Triton's Python backend: one plan for the largest batch, which the dynamic batcher fills as far as it
can. Every answer has the bits of the same picture alone, whatever it shared its batch with."""

import json
import pathlib

import numpy as np
import triton_python_backend_utils as pb_utils

import foldconv


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config["parameters"].items()}
        height, width, _ = (int(extent) for extent in config["input"][0]["dims"])
        on_gpu = args["model_instance_kind"] == "GPU"
        network = foldconv.load(pathlib.Path(__file__).with_name(parameters["network"]),
                                device=int(args["model_instance_device_id"]) if on_gpu else None)
        self.plan = network.plan(n=int(config["max_batch_size"]), h=height, w=width, input="u8 nhwc",
                                 mean=float(parameters["mean"]), scale=float(parameters["scale"]))
        if len(self.plan.outputs) != 1:
            raise ValueError(f"no classifier: {len(self.plan.outputs)} outputs; name one in foldconv.load(outputs=)")

    def execute(self, requests):
        """A response a request, in their order. All requests together have max_batch_size pictures at most."""
        pictures = [pb_utils.get_input_tensor_by_name(request, "pixels").as_numpy() for request in requests]
        try:
            logits = self.plan(np.concatenate(pictures))
        except (ValueError, foldconv.Error) as error:
            if len(requests) > 1:  # one of them is wrong: each by itself
                return [self.execute([request])[0] for request in requests]
            return [pb_utils.InferenceResponse([], pb_utils.TritonError(str(error)))]
        ends = np.cumsum([len(some) for some in pictures])[:-1]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("logits", some)]) for some in np.split(logits, ends)]
