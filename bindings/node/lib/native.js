// SPDX-License-Identifier: MIT
'use strict';

// The compiled part, or what stands in for it where there is none: on other systems, and where it
// could not be compiled. Then probes check their names and values, and do nothing else.

const path = require('path');
const { emitWarning } = process;

const PLACES = [
  ['build', 'Release', 'rst.node'],
  ['build', 'Debug', 'rst.node'],
  ['prebuilds', `${process.platform}-${process.arch}`, 'rst.node'],
];

function find() {
  const reasons = [];
  for (const place of PLACES) {
    try {
      return { native: require(path.join(__dirname, '..', ...place)) };
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') reasons.push(error.message);
    }
  }
  return { reason: reasons[0] ?? 'it is not compiled; "npm rebuild librst" compiles it and says why not' };
}

// How an unwatched probe is told: by a look at the kernel's count in memory; where V8 takes no
// memory that is not its own, by a call; where there is nothing, not at all.
function guardOf(native) {
  if (native === undefined) return 'none';
  if (process.env.RST_NODE_GUARD === 'call') return 'call';
  return native.semaphore() === undefined ? 'call' : 'memory';
}

const { native, reason } = find();
if (native === undefined && process.platform === 'linux') {
  emitWarning(`probes do nothing: ${reason}`, { type: 'ProbeWarning', code: 'RST_ABSENT' });
}

module.exports = {
  guard: guardOf(native),
  native: native ?? require('./absent'),
};
