# SPDX-License-Identifier: MIT
"""A producer of DLPack tensors on a device that shares no code with foldconv: dlpack.h and the CUDA runtime by ctypes."""

import contextlib
import ctypes
import os

import numpy as np

import foldconv  # loads the runtime

cudart = ctypes.CDLL("libcudart.so.13", mode=os.RTLD_NOLOAD)
CODES = {"f": 2, "u": 1, "i": 0}
TO_DEVICE, TO_HOST = 1, 2


def call(name, *arguments):
    code = getattr(cudart, name)(*arguments)
    assert code == 0, f"{name}: {code}"


class Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device", Device), ("ndim", ctypes.c_int32), ("dtype", DataType),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("byte_offset", ctypes.c_uint64)]


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


class Versioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p), ("flags", ctypes.c_uint64), ("tensor", Tensor)]


exported = {}  # what a consumer has, by its address


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def release(address):
    exported.pop(address)[0].released += 1


new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


@contextlib.contextmanager
def on(device):
    before = ctypes.c_int()
    call("cudaGetDevice", ctypes.byref(before))
    call("cudaSetDevice", device)
    yield
    call("cudaSetDevice", before.value)


class DeviceTensor:
    """What a framework's tensor is to foldconv. Remembers the streams it was asked for, and how often it was let go."""

    def __init__(self, values, *, device=0, offset=0, strides=None, shape=None, versioned=True, read_only=False,
                 byte_offset=0, wrong=None):
        values = np.ascontiguousarray(values)
        self.values, self.device, self.byte_offset = values, device, byte_offset
        self.shape = values.shape if shape is None else shape
        self.strides, self.versioned, self.read_only = strides, versioned, read_only
        self.wrong = wrong or {}  # members that its tensor says wrongly
        self.streams, self.exports, self.released = [], 0, 0
        self.memory = ctypes.c_void_p()
        with on(device):
            call("cudaMalloc", ctypes.byref(self.memory), ctypes.c_size_t(values.nbytes + offset + byte_offset))
            self.address = self.memory.value + offset
            # On the emulator it arrives as late as CUDA permits.
            call("cudaMemcpy", ctypes.c_void_p(self.address + byte_offset), ctypes.c_void_p(values.ctypes.data),
                 ctypes.c_size_t(values.nbytes), TO_DEVICE)

    def __del__(self):
        if self.memory:
            cudart.cudaFree(self.memory)

    def numpy(self):
        result = np.empty_like(self.values)
        call("cudaMemcpy", ctypes.c_void_p(result.ctypes.data), ctypes.c_void_p(self.address + self.byte_offset),
             ctypes.c_size_t(result.nbytes), TO_HOST)
        return result

    def __dlpack_device__(self):
        return 2, self.device  # kDLCUDA

    def __dlpack__(self, *, stream=None, max_version=None):
        self.streams.append(stream)
        if stream is not None:  # which may then be used without waiting
            with on(self.device):
                call("cudaDeviceSynchronize")
        versioned = self.versioned and max_version is not None
        managed = Versioned(major=1, flags=int(self.read_only)) if versioned else Managed()
        rank = len(self.shape)
        shape = (ctypes.c_int64 * rank)(*self.shape)
        strides = None if self.strides is None else (ctypes.c_int64 * rank)(*self.strides)
        dtype = self.values.dtype
        managed.tensor = Tensor(self.address, Device(2, self.device), rank, DataType(CODES[dtype.kind], 8 * dtype.itemsize, 1),
                                shape, strides, self.byte_offset)
        for member, value in self.wrong.items():
            setattr(managed.tensor, member, value)
        self.exports += 1
        managed.deleter = ctypes.cast(release, ctypes.c_void_p)
        exported[ctypes.addressof(managed)] = self, managed, shape, strides
        return new_capsule(ctypes.addressof(managed), b"dltensor_versioned" if versioned else b"dltensor", None)


class OldDeviceTensor(DeviceTensor):
    """Of before DLPack 1.0: takes no max_version."""

    def __dlpack__(self, *, stream=None):
        return super().__dlpack__(stream=stream)


class Stream:
    """A stream of a device, as PyTorch has it."""

    def __init__(self, device=0):
        handle = ctypes.c_void_p()
        with on(device):
            call("cudaStreamCreateWithFlags", ctypes.byref(handle), 1)
        self.cuda_stream = handle.value

    def destroy(self):
        call("cudaStreamDestroy", ctypes.c_void_p(self.cuda_stream))


class ProtocolStream:
    """A stream by CUDA's own protocol."""

    def __init__(self, stream):
        self.stream = stream

    def __cuda_stream__(self):
        return 0, self.stream.cuda_stream


class Live(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in
                ("size", "allocations", "bytes", "streams", "events", "graphs", "graph_executables")]


def live():
    """What of the emulated devices is not given back: allocations and events."""
    found = Live(size=ctypes.sizeof(Live))
    cudart.cuemu_read_live_impl(ctypes.byref(found))
    return found.allocations, found.events
