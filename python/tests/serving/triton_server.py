# SPDX-License-Identifier: MIT
"""The Triton server that comes with PyTriton, on a repository of models, without a GPU."""

import contextlib
import http.client
import os
import pathlib
import shutil
import subprocess
import time

from small_network import free_port


def _is_ready(port):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False


@contextlib.contextmanager
def triton_server(python, models, folder):
    """The port of a server that runs models by `python`, of an environment with nvidia-pytriton. folder: its own."""
    purelib, version, libraries = subprocess.run(
        [python, "-c", "import sys, sysconfig as s; print(s.get_path('purelib'), '%d.%d' % sys.version_info[:2], "
                       "s.get_config_var('LIBDIR'), sep='\\n')"],
        check=True, capture_output=True, text=True).stdout.split("\n")[:3]
    packages = pathlib.Path(purelib)
    triton = packages / "pytriton/tritonserver"
    shutil.copytree(triton / "backends", folder / "backends")
    for program in (shutil.copy(triton / "bin/tritonserver", folder),
                    shutil.copy(triton / f"python_backend_stubs/{version}/triton_python_backend_stub",
                                folder / "backends/python")):
        os.chmod(program, 0o755)
    port = free_port()
    # The backend's Python is the one that is found first.
    environment = os.environ | {"PATH": f"{pathlib.Path(python).parent}:{os.environ['PATH']}",
                                "LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}:{libraries}"}
    environment.pop("PYTHONPATH", None)
    with open(folder / "log.txt", "w") as log:
        server = subprocess.Popen(
            [folder / "tritonserver", f"--model-repository={models}", f"--backend-directory={folder / 'backends'}",
             "--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false"],
            stdout=log, stderr=log, env=environment)
    try:
        end = time.monotonic() + 120
        while not _is_ready(port):
            assert server.poll() is None and time.monotonic() < end, (folder / "log.txt").read_text()[-3000:]
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(40)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
