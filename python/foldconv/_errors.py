# SPDX-License-Identifier: MIT
"""What goes wrong, as exceptions: a class for each of the library's codes."""


class Error(Exception):
    """What is wrong, which value, and what to do about it."""

    code: str = "error"  # the library's name of the kind, such as "invalid_argument"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message: str = message


class InvalidArgument(Error, ValueError):
    """A value that no device and no version could take."""

    code = "invalid_argument"


class Unsupported(Error, NotImplementedError):
    """A legal request that no kernel here takes."""

    code = "unsupported"


class Misaligned(Error, ValueError):
    """An address that breaks an alignment rule."""

    code = "misaligned"


class Aliasing(Error, ValueError):
    """Arrays that overlap where they must not."""

    code = "aliasing"


class WorkspaceTooSmall(Error, ValueError):
    """Fewer bytes of workspace than a plan needs."""

    code = "workspace_too_small"


class DeviceTooOld(Error, RuntimeError):
    """No kernel was compiled for this GPU."""

    code = "device_too_old"


class OutOfMemory(Error, MemoryError):
    """No memory on the host or on the device."""

    code = "out_of_memory"


class CudaError(Error, RuntimeError):
    """The CUDA runtime refused."""

    code = "cuda_error"


_CLASSES = {cls.code: cls for cls in (InvalidArgument, Unsupported, Misaligned, Aliasing, WorkspaceTooSmall,
                                      DeviceTooOld, OutOfMemory, CudaError)}


def make(code: str, message: str) -> Error:
    """The exception of a code."""
    return _CLASSES.get(code, Error)(message)
