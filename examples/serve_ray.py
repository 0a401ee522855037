# SPDX-License-Identifier: MIT
"""Serves an ONNX classifier by Ray Serve: a replica a GPU, and batches of what has come meanwhile. Every answer has the
bits of the same picture alone, whatever it shared its batch with.

    cd examples; serve run serve_ray:app network=/models/efficientnet-lite0.onnx mean=127 scale=0.0078125

POST / takes a picture (PNG, JPEG, ..) or, of content type application/x-npy, an array of bytes h, w, c as numpy.save()
writes it. The answer is JSON: the likeliest classes, all logits, and how many pictures the batch had. 400 where
the request is wrong, and why.
"""

import io
import pathlib

import numpy as np
from PIL import Image
from pydantic import BaseModel
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

import foldconv


class Settings(BaseModel):
    network: str  # path of a .onnx or .safetensors file
    size: int = 224  # of pictures
    most: int = 8  # pictures in a batch
    mean: float = 0
    scale: float = 1
    replicas: int = 1


@serve.deployment
class Classifier:
    def __init__(self, settings: Settings):
        self.size = settings.size
        network = foldconv.load(settings.network)
        # Once, for the largest batch. Fewer pictures have the same bits.
        self.plan = network.plan(n=settings.most, h=self.size, w=self.size, input="u8 nhwc", mean=settings.mean,
                                 scale=settings.scale)
        if len(self.plan.outputs) != 1:
            raise ValueError(f"no classifier: {len(self.plan.outputs)} outputs; name one in foldconv.load(outputs=)")
        self.answer.set_max_batch_size(settings.most)

    @serve.batch(batch_wait_timeout_s=0.005)
    async def answer(self, pictures: list) -> list:
        """What comes while this runs is the next batch."""
        return self.run(np.stack(pictures))

    def run(self, pictures):
        return [{"classes": np.argsort(-logits)[:5].tolist(), "logits": logits.tolist(), "batch": len(pictures)}
                for logits in self.plan(pictures)]

    def pixels(self, body: bytes, content_type: str):
        if content_type == "application/x-npy":
            return np.ascontiguousarray(np.load(io.BytesIO(body), allow_pickle=False))
        return np.asarray(Image.open(io.BytesIO(body)).convert("RGB").resize((self.size, self.size)))

    async def __call__(self, request: Request) -> JSONResponse:
        body, content_type = await request.body(), request.headers.get("content-type", "")
        try:
            picture = self.pixels(body, content_type)
        except Exception as error:  # what decoders raise has no class in common
            return JSONResponse({"error": str(error) or type(error).__name__}, status_code=400)
        if picture.shape == (self.size, self.size, 3) and picture.dtype == np.uint8:
            return JSONResponse(await self.answer(picture))
        try:
            return JSONResponse(self.run(picture[None])[0])  # alone: the library says what is wrong with it
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)


def app(settings: Settings):
    settings.network = str(pathlib.Path(settings.network).resolve())
    gpus = 0 if foldconv.emulated else 1  # Ray shows a replica its own GPU alone
    return Classifier.options(num_replicas=settings.replicas, ray_actor_options={"num_gpus": gpus},
                              max_ongoing_requests=4 * settings.most).bind(settings)
