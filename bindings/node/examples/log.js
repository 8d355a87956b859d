// SPDX-License-Identifier: MIT
'use strict';

// A program that logs by bunyan, as it is. Of what it logs, only warnings are written.

const bunyan = require('bunyan');

const log = bunyan.createLogger({ name: 'shop', level: 'warn' });
let order = 0;

setInterval(() => {
  order += 1;
  log.debug({ order }, 'checkout by %s', order % 2 ? 'Ada' : 'Grace');
}, 100);
