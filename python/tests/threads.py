# SPDX-License-Identifier: MIT
"""Work done by several threads at once."""

import threading


def run_in_threads(count, work, timeout=60):
    """work(0), work(1) .. at once."""
    failed, barrier = [], threading.Barrier(count)

    def guarded(index):
        try:
            barrier.wait(timeout=30)
            work(index)
        except BaseException as error:  # for the thread that asserts
            failed.append(error)
    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=timeout)
        assert not thread.is_alive()
    assert not failed, failed
