# SPDX-License-Identifier: MIT

# Log records as a probe: the program writes warnings, and tracers see what it doesn't write.
#
# ```sh start
# RST_BACKING=file python3 log_records.py
# ```
# ```sh watch
# sudo bpftrace -p $! -e 'usdt:*:logging:record /arg0 < 30/ { printf("%s: %s\n", str(arg1), str(arg2)); }'
# ```
# ```text sample
# shop.cart: order 41 packed
# shop.cart: order 42 packed
# ```

import logging
import time

import rst.logging

writes = logging.StreamHandler()
writes.setLevel(logging.WARNING)
for handler in writes, rst.logging.Handler():
    logging.getLogger().addHandler(handler)
logging.getLogger().setLevel(logging.DEBUG)
rst.load()

logger = logging.getLogger("shop.cart")
for order in range(6000):
    logger.debug("order %d packed", order)
    time.sleep(0.01)
