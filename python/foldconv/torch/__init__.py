# SPDX-License-Identifier: MIT
"""foldconv for PyTorch: foldconv.compile, and the backend of torch.compile. Needs torch, onnx and onnxscript."""

from .backend import backend
from .compiled import Compiled, compile

__all__ = ["Compiled", "backend", "compile"]
