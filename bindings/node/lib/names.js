// SPDX-License-Identifier: MIT
'use strict';

/**
 * A name that tracers take, for one that they don't: `-` becomes `__`, as DTrace has it, and what
 * else isn't a letter, digit or `_` becomes `_`.
 */
function tracerName(name, most = 127) {
  const changed = name.replace(/-/g, '__').replace(/[^A-Za-z0-9_]/g, '_').slice(0, most);
  return /^[A-Za-z_]/.test(changed) ? changed : `_${changed}`.slice(0, most);
}

module.exports = { tracerName };
