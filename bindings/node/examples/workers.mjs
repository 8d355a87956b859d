// SPDX-License-Identifier: MIT

// Worker threads share their probes: a tracer watches one, and sees the fires of all threads.

import { Worker, isMainThread, threadId } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { Provider } from 'librst';

const provider = new Provider('workers');
const turn = provider.probe('turn', { thread: 'uint32', turn: Number });
provider.load();

let number = 0;
setInterval(() => {
  number += 1;
  turn.fire(threadId, number);
}, 100);

if (isMainThread) {
  for (let i = 0; i < 2; i++) new Worker(fileURLToPath(import.meta.url));
}
