# SPDX-License-Identifier: MIT
"""Loads libcudart.so.13 before the extension module asks for it: the emulator's, the one of the wheel
nvidia-cuda-runtime, or the system's."""

import ctypes
import importlib.util
import os
import pathlib
import sys

LIBRARY = "libcudart.so.13"
EMULATOR = pathlib.Path(__file__).parent / "emulator" / LIBRARY
DRIVER = EMULATOR.with_name("libcuda.so.1")


def _loaded():
    """The library of this name that the process has, or None."""
    try:
        return ctypes.CDLL(LIBRARY, mode=os.RTLD_NOLOAD)
    except OSError:
        return None


def _is_emulator(library):
    return hasattr(library, "cuemu_read_live_impl")


def _of_wheel():
    for folder in sys.path:
        path = pathlib.Path(folder or ".") / "nvidia" / "cu13" / "lib" / LIBRARY
        if path.is_file():
            return path
    return None


def _load_emulator():
    loaded = _loaded()
    if loaded is not None and not _is_emulator(loaded):
        raise ImportError(
            f"FOLDCONV_EMULATE=1, but this process has another {LIBRARY} already: "
            f"{'torch' if 'torch' in sys.modules else 'a module imported before foldconv'} loaded it; "
            "import foldconv first")
    if loaded is None:
        if not EMULATOR.is_file():
            raise ImportError(f"FOLDCONV_EMULATE=1, but this foldconv was built without the emulator: no {EMULATOR}; "
                              "unset it, or build the wheel with the emulator")
        loaded = ctypes.CDLL(str(EMULATOR), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(DRIVER), mode=ctypes.RTLD_GLOBAL)  # torch asks for it by name
    print("foldconv: FOLDCONV_EMULATE=1: runs on the CPU, on the emulator of the CUDA runtime", file=sys.stderr)
    return loaded


def _load():
    if os.environ.get("FOLDCONV_EMULATE", "0") not in ("", "0"):
        return _load_emulator()
    loaded = _loaded()
    if loaded is not None:
        return loaded
    path = _of_wheel()
    try:
        return ctypes.CDLL(str(path or LIBRARY), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ImportError(f"no {LIBRARY}: {error}; pip install 'nvidia-cuda-runtime>=13,<14'") from error


def _check_first():
    """The extension module's types are the process': a second copy of them breaks the first."""
    found = importlib.util.find_spec("foldconv._foldconv")
    if found is None or "foldconv._foldconv" in sys.modules:
        return
    try:
        ctypes.CDLL(found.origin, mode=os.RTLD_NOLOAD)
    except OSError:
        return
    raise ImportError("foldconv is in this process already: another interpreter has it, or it was taken out of "
                      "sys.modules; use it there, leave it there, or start another process")


_check_first()
emulated: bool = _is_emulator(_load())
