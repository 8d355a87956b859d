// SPDX-License-Identifier: MIT
'use strict';

// Compile the addon with node-gyp.
//
//   build.js [DIRECTORY]   into DIRECTORY/build, where a copy of the package is; by default, this one
//   build.js --install     the same for npm: where it can't be compiled, say why and leave it out
//   build.js --find        say which node-gyp it would run, and with which headers
//
// CC, CFLAGS and LDFLAGS in the environment count, as they do in every Makefile.

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const PREFIX = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
const LEFT_OUT = 'librst: not compiled, so its probes will do nothing';

// npm's own, where npm runs this; one in PATH; npm's in its usual places.
function findGyp() {
  const places = [
    process.env.npm_config_node_gyp,
    ...(process.env.PATH ?? '').split(path.delimiter).map((directory) => path.join(directory, 'node-gyp')),
    path.join(PREFIX, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  const found = places.find((place) => place && fs.existsSync(place));
  if (found === undefined) {
    throw new Error('neither PATH nor npm has node-gyp; install it (Debian: the package node-gyp)');
  }
  return fs.realpathSync(found);
}

// Headers that are installed beside this node spare node-gyp the download.
function findHeaders() {
  const file = path.join(PREFIX, 'include/node/node_version.h');
  if (!fs.existsSync(file)) return undefined;
  const [major] = process.versions.node.split('.');
  return fs.readFileSync(file, 'utf8').includes(`#define NODE_MAJOR_VERSION ${major}\n`) ? PREFIX : undefined;
}

function why() {
  if (process.platform === 'linux') return undefined;
  return `it needs Linux, and this is ${process.platform}`;
}

function build(directory) {
  const headers = process.env.npm_config_nodedir === undefined ? findHeaders() : undefined;
  const gyp = [findGyp(), 'rebuild', ...(headers === undefined ? [] : [`--nodedir=${headers}`])];
  // By itself, node-gyp links with a C++ compiler, which this package does not need.
  const env = { ...process.env, LINK: process.env.LINK ?? process.env.CC ?? 'cc' };
  const { status, error, signal } = spawnSync(process.execPath, gyp, { cwd: directory, stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) throw new Error(`node-gyp failed (${signal ?? `status ${status}`})`);
}

function main([option]) {
  if (option === '--find') {
    console.log(`${findGyp()}, headers in ${process.env.npm_config_nodedir ?? findHeaders() ?? 'none: it downloads them'}`);
    if (findHeaders() === undefined) process.exitCode = 1;
    return;
  }
  const install = option === '--install';
  const refusal = install ? why() : undefined;
  if (refusal !== undefined) {
    console.log(`${LEFT_OUT}: ${refusal}`);
    return;
  }
  try {
    build(install || option === undefined ? path.dirname(__dirname) : option);
  } catch (error) {
    console.error(`${LEFT_OUT}: ${error.message}`);
    if (!install) process.exitCode = 1;
  }
}

main(process.argv.slice(2));
