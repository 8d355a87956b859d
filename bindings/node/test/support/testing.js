// SPDX-License-Identifier: MIT
'use strict';

// What every test loads: Node's own runner, and what a skipped test is to meson.

const assert = require('assert/strict');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { test } = require('node:test');

const PACKAGE = process.env.RST_NODE_PACKAGE ?? path.resolve(__dirname, '../..');
const RST = process.env.RST_COMMAND ?? '';

let skipped = false;

// Node's runner has no status for "skipped"; RST_SKIPPED_STATUS is meson's.
process.on('exit', () => {
  if (skipped && !process.exitCode && process.env.RST_SKIPPED_STATUS) {
    process.exitCode = Number(process.env.RST_SKIPPED_STATUS);
  }
});

/** Skip a test for a reason, if there is one; where everything must be there, fail it. */
function refused(t, reason) {
  if (!reason) return false;
  if (process.env.RST_REQUIRE_TRACERS === '1') assert.fail(`RST_REQUIRE_TRACERS=1, but ${reason}`);
  skip(t, reason);
  return true;
}

/** Skip a test for a reason that is none elsewhere, either. */
function skip(t, reason) {
  skipped = true;
  fs.writeSync(2, `skipped: ${reason}\n`);
  t.skip(reason);
}

function installed(command) {
  return process.env.PATH.split(':').some((directory) => fs.existsSync(path.join(directory, command)));
}

/** Why a probe can't be watched by rst trace; undefined if it can. */
function tracingRefusal() {
  if (process.geteuid() !== 0) return 'watching needs root';
  if (RST === '') return 'RST_COMMAND does not name rst';
  return undefined;
}

function directory(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'rst-test-node-'));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

module.exports = {
  PACKAGE, RST, assert, directory, installed, refused, skip, test, tracingRefusal,
};
