# SPDX-License-Identifier: MIT
from collections.abc import Sequence
from typing import Any

import numpy

import foldconv


def _version() -> str: ...

def _warn_of_leaks(on: bool) -> None: ...

def check_runs(checked: bool = True) -> None:
    """
    From now on each call of a plan, and of a captured Graph, asks CUDA for its pointers before it
    launches. Memory that was freed, is too short or of another device, or weights that
    cudaDeviceReset() has freed, are InvalidArgument, not a fault of some later call. Costs some
    microseconds for each pointer and layer. Without a call, FOLDCONV_CHECK_RUNS=1 in the
    environment says so.
    """

def runs_are_checked() -> bool:
    """Whether calls are checked."""

class Array:
    """
    An array on a device, dense and row-major. Other libraries take it by DLPack:
    torch.from_dlpack(array).
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> str:
        """"f32", "f16", "bf16" or "u8"."""

    @property
    def device(self) -> int: ...

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> numpy.ndarray: ...

    def numpy(self) -> numpy.ndarray:
        """
        A copy on the host, once it is computed. NumPy has no bf16: it becomes float32.
        """

    def __dlpack__(self, *, stream: int | None = None, max_version: tuple[int, int] | None = None, dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...

    def __len__(self) -> int: ...

    def __repr__(self) -> str: ...

def array(host: Any, device: int | None = None, *, dtype: str = '', stream: Any = None) -> Array:
    """
    Copies a host array (float32, float16 or uint8) to a device, None: the current one.
    dtype="bf16" rounds float32.
    """

class Plan:
    """
    A network, convolution or block bound to a shape: call it with arrays.

    Arrays on the host (NumPy, or what becomes one) are copied, and the result is NumPy,
    ready when the call returns. Arrays on the plan's device, of any library with DLPack,
    are read where they are, and the result is a foldconv.Array, computed in the stream's
    order. Fewer images than planned give as many answers, with the same bits. Threads may
    share a plan.
    """

    def __call__(self, *inputs: Any, stream: Any = None, out: Any = None) -> Any:
        """
        stream: None (the legacy default stream), a cudaStream_t as an int, or an object with
        __cuda_stream__ or cuda_stream. out: arrays to write to instead of new ones. Of several
        outputs the result is a tuple, in the model's order.
        """

    def capture(self, *inputs: Any, out: Any = None) -> Graph:
        """
        The plan's launches for these arrays, which are on the device, as a CUDA graph.
        """

    def tensor(self, name: str) -> numpy.ndarray:
        """A tensor of the last call that keep= or keep_all= of plan() kept."""

    def explain(self) -> foldconv.PlanExplanation:
        """What runs, launch by launch, and what it costs by the planner's model."""

    @property
    def images(self) -> int: ...

    @property
    def device(self) -> int: ...

    @property
    def inputs(self) -> list[foldconv.Port]: ...

    @property
    def outputs(self) -> list[foldconv.Port]: ...

    @property
    def workspace_bytes(self) -> int: ...

    def _launch_only(self, *inputs: Any, out: Any, calls: int) -> None: ...

class Graph:
    """
    A plan's launches for certain arrays, as a CUDA graph. Keeps the arrays.
    """

    def launch(self, stream: Any = None) -> None:
        """Runs all of them, in the stream's order."""

    @property
    def outputs(self) -> Any:
        """What each launch writes to: an array, of several outputs a tuple."""

class _Model:
    pass

def _read_onnx(source: object, inputs: Sequence[str], outputs: Sequence[str], constants: dict) -> _Model: ...

def _inspect_onnx(source: object, inputs: Sequence[str], outputs: Sequence[str], constants: dict) -> list: ...

def _read_resnet(path: str) -> _Model: ...

def _why_no_model(path: str) -> str: ...

def _make_network(model: _Model, dtype: str, fuse: bool, blocks: bool, device: object | None = None) -> Network: ...

class Network:
    """
    A network, folded and fused, with its weights on a device; foldconv.load() makes one.
    """

    def plan(self, n: int = 0, h: int = 0, w: int = 0, *, inputs: Sequence[Sequence[int]] | None = None, input: str = 'f32', mean: float | Sequence[float] = 0.0, scale: float | Sequence[float] = 1.0, swap_red_blue: bool = False, output: str = 'f32', keep: Sequence[str] = (), keep_all: bool = False, cut: str = 'automatic', instructions: str = 'automatic') -> Plan:
        """
        Chooses kernels for a shape; some milliseconds: keep a plan for each shape.

        n, h, w: of images; 0: as the model has it. inputs: the shapes of all inputs instead.
        input: how images come: "f32", "f16" or "u8", then "nchw" or "nhwc" (without: the
        model's), and then (pixel - mean) * scale, each a number or one for each channel;
        swap_red_blue: the first channel and the third change places.
        output: "f32", or "storage": the network's dtype.
        keep, keep_all: tensors for Plan.tensor(). cut: of residual blocks: automatic, whole,
        tails or chain; the bits are the same. instructions: of convolutions: automatic (sm80 until a
        chip has confirmed sm90), sm80, or sm90 wherever it takes one; each has its own bits.
        """

    def explain(self) -> foldconv.NetworkExplanation:
        """What was folded and fused, and what was not, and why."""

    @property
    def dtype(self) -> str: ...

    @property
    def device(self) -> int: ...

class BatchNorm:
    """
    BatchNorm at inference: float32 arrays of a value for each channel. eps has no default:
    frameworks differ, and a wrong one is silent.
    """

    def __init__(self, mean: Any, variance: Any, gamma: Any = None, beta: Any = None, *, eps: float) -> None: ...

class FoldedConv:
    """A convolution with its BatchNorm folded in, on the host."""

    @property
    def weights(self) -> numpy.ndarray:
        """K, C / groups, R, S: float32, exact in the dtype."""

    @property
    def scale(self) -> numpy.ndarray:
        """For each channel, applied to the sum; 1 where the weights carry it."""

    @property
    def bias(self) -> numpy.ndarray:
        """For each channel."""

    @property
    def dtype(self) -> str: ...

    @property
    def report(self) -> str:
        """What is worth a look, in a line; "" if nothing is."""

def fold(w: Any, batch_norm: BatchNorm | None = None, bias: Any = None, *, dtype: str = 'f16', placement: str = 'automatic') -> FoldedConv:
    """
    Folds BatchNorm into a convolution, in double, rounded once; needs no device. w: K, C /
    groups, R, S, float32. placement: automatic, weights or epilogue.
    """

class Conv:
    """
    A convolution's weights on a device, packed once; plan() says the rest.
    """

    def __init__(self, w: Any, batch_norm: BatchNorm | None = None, bias: Any = None, *, dtype: str = 'f16', placement: str = 'automatic', device: int | None = None) -> None:
        """
        w: K, C / groups, R, S, float32, or a FoldedConv, which has its dtype;
        the others as in fold().
        """

    def plan(self, n: int, h: int, w: int, *, stride: int | tuple[int, int] = 1, padding: int | tuple[int, ...] = 0, dilation: int | tuple[int, int] = 1, groups: int = 1, activation: str = 'none', residual: bool = False, kernel: str = '', instructions: str = 'automatic') -> Plan:
        """
        A plan that takes x, n h w c in the dtype, and with residual=True a second array of y's
        shape. padding: all sides, (h, w) or (top, bottom, left, right). activation: "relu6",
        "leaky_relu(0.1)", .. kernel: pins one by its name. instructions: automatic, sm80 or sm90.
        """

    @property
    def device(self) -> int: ...

class Bottleneck:
    """A residual block 1x1, 3x3, 1x1 with its weights on a device."""

    def __init__(self, conv1: Any, conv2: Any, conv3: Any, downsample: Any = None, *, stride: int = 1, stride_at: str = 'conv2', groups: int = 1, inner: str = 'relu', last: str = 'relu', dtype: str = 'f16', placement: str = 'automatic', device: int | None = None) -> None:
        """
        Each layer is w, (w, batch_norm) or (w, batch_norm, bias), as in fold(). inner, last:
        the activations behind conv1 and conv2, and behind the sum.
        """

    def plan(self, n: int, h: int, w: int, *, cut: str = 'automatic', kernel: str = '', instructions: str = 'automatic') -> Plan:
        """
        A plan that takes x, n h w c in the dtype. cut: automatic, whole, tails or chain; the
        bits are the same. kernel: pins one by its name. instructions: of all convolutions: automatic,
        sm80 or sm90, which takes a block whole or not at all; each has its own bits.
        """

    @property
    def device(self) -> int: ...
