// SPDX-License-Identifier: MIT
// A program of node-dtrace-provider's: fires for each line of stdin.
const { createDTraceProvider } = require('./dtrace-provider');

const provider = createDTraceProvider('node-app');
const probe = provider.addProbe('first', 'int', 'char *');

provider.addProbe('second');
provider.enable();
provider.removeProbe(provider.second);
provider.disable();
provider.enable();
let evaluated = 0;
probe.fire(() => { evaluated += 1; return [1, 'Ada']; });
if (evaluated) throw new Error('enabled without a tracer');

const many = createDTraceProvider('many');
let words = '';
many.addProbe('first', ...Array(32).fill('int'));
try { many.enable(); } catch (error) { words = error.message; }
if (!words.includes('has 32 arguments; at most 12')) throw new Error(words);

console.log('ready');
require('readline').createInterface({ input: process.stdin }).on('line', () => {
  provider.fire('first', () => [42, 'Ada']);
  console.log('fired');
}).on('close', () => provider.disable());
