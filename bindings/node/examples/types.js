// SPDX-License-Identifier: MIT
'use strict';

// Values of every kind. Beyond 2 ** 53 - 1, an integer is a BigInt.

const { Provider } = require('librst');

const provider = new Provider('types');
const numbers = provider.probe('numbers', 'int8 small, uint64 great, bool truth, double fraction');
const texts = provider.probe('texts', { string: String, bytes: 'string', memory: Buffer, size: Number });
provider.load();

const body = Buffer.from('a=1&b=2');

setInterval(() => {
  numbers.fire(-128, 2n ** 64n - 1n, true, 0.5);
  texts.fire('Grüße', Buffer.from('bytes up to\0a NUL'), body, body.length);
}, 100);
