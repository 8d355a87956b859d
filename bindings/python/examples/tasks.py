# SPDX-License-Identifier: MIT

# How long the coroutines of an asyncio program take, waiting included, and how they end.
#
# ```sh start
# RST_BACKING=file python3 tasks.py
# ```
# ```sh watch
# sudo bpftrace -p $! -e 'usdt:*:shop:* { printf("%s %d ms %s\n", str(arg0), arg1 / 1000000, str(arg2)); }'
# ```
# ```text sample
# Shop.pay 12 ms TimeoutError
# Shop.pay 2 ms
# ```

import asyncio

import rst


class Shop:
    @rst.trace(provider="shop")
    async def pay(self, seconds):
        await asyncio.wait_for(asyncio.sleep(seconds), 0.01)


async def main():
    shop = Shop()
    for _ in range(3000):
        await asyncio.gather(shop.pay(0.002), shop.pay(1), return_exceptions=True)


rst.load()
asyncio.run(main())
