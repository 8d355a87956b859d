# SPDX-License-Identifier: MIT

# Values that take time to compute: the function is called only while somebody watches.
#
# ```sh start
# RST_BACKING=file python3 lazy.py
# ```
# ```sh watch
# sudo bpftrace -p $! -e 'usdt:*:shop:cart { printf("cart %ld: %s\n", arg0, str(arg1)); }'
# ```
# ```text sample
# cart 30: 2 apple, 1 pear
# cart 31: 2 apple, 1 pear
# ```

import time

import rst

SHOP = rst.Provider("shop")
CART = SHOP.probe("cart", number="uint32", contents=str)
SHOP.load()

cart = {"apple": 2, "pear": 1}
for number in range(6000):
    CART.fire(lambda: (number, ", ".join(f"{count} {fruit}" for fruit, count in cart.items())))
    time.sleep(0.01)
