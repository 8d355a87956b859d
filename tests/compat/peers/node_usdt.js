// SPDX-License-Identifier: MIT
// A program of node-usdt's: fires for each line of stdin.
const { USDTProvider } = require('./usdt');

const provider = new USDTProvider('node-app');
const probe = provider.addProbe('first', 'int', 'char *');

provider.enable();
provider.disable();
provider.enable();
if (probe.fire(() => [1, 'Ada'])) throw new Error('enabled without a tracer');
console.log('ready');
require('readline').createInterface({ input: process.stdin }).on('line', () => {
  console.log(`fired ${probe.fire(() => [42, 'Ada'])}`);
}).on('close', () => provider.disable());
