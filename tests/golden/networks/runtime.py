# SPDX-License-Identifier: MIT
"""What ONNX Runtime computes for a model, and the files that keep it."""

import hashlib
import json
import re
import textwrap

import numpy as np
import onnx
import onnxruntime


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def versions(*modules):
    return {module.__name__: module.__version__ for module in (onnxruntime, onnx, np, *modules)}


def logits_name(model):
    """The output or, of a network that ends with Softmax, what that reads."""
    last = model.graph.node[-1]
    return last.input[0] if last.op_type == "Softmax" else last.output[0]


class Session:
    """A model as it stands: optimisations are off."""

    def __init__(self, model, also=()):
        """also: values that are no outputs, to be handed out, too."""
        known = {output.name for output in model.graph.output}
        more = onnx.ModelProto(graph=onnx.GraphProto(
            output=[onnx.ValueInfoProto(name=name) for name in also if name not in known]))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString() + more.SerializeToString(),  # messages that stand behind each other are merged
            options, providers=["CPUExecutionProvider"])

    def run(self, x, names):
        return self.session.run(list(names), {self.session.get_inputs()[0].name: x})


def numbers(array):
    """A list of the shortest decimals that read back as the same fp32 numbers."""
    return [float(str(number)) for number in np.asarray(array, np.float32).flatten()]


def write_answers(path, answers):
    text = json.dumps(answers, indent=2)
    # Lists of plain values as paragraphs, not a line a value.
    text = re.sub(r"^( *)(.*)\[\n([^][{}]*)\]", fill_list, text, flags=re.MULTILINE)
    path.write_text(text + "\n")


def fill_list(match):
    indent, key, values = match.groups()
    return textwrap.fill(f"{key}[{' '.join(values.split())}]", 120, initial_indent=indent,
                         subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False)
