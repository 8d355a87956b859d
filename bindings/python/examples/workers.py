# SPDX-License-Identifier: MIT

# Workers that are forked share the probes that were loaded before. Without -p, a tracer that is given
# the file sees all of them.
#
# ```sh start
# RST_BACKING=file python3 workers.py
# ```
# ```sh watch
# sudo bpftrace -e "usdt:$FILE:shop:packed { printf(\"%d packed %ld\n\", pid != $PID, arg0); }"
# ```
# ```text sample
# 1 packed 41
# 1 packed 42
# ```

import multiprocessing
import os
import time

import rst

SHOP = rst.Provider("shop")
PACKED = SHOP.probe("packed", order=int)
SHOP.load()
print(f"PID={os.getpid()}", flush=True)
print(f"FILE={PACKED.path}", flush=True)


def pack(order):
    PACKED.fire(order)
    time.sleep(0.01)


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(pack, range(6000), chunksize=1)
