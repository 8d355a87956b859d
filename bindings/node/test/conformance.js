// SPDX-License-Identifier: MIT
'use strict';

// The subject of the conformance test for Node; tests/conformance/README.md has the commands.

const fs = require('fs');
const { Provider } = require(process.env.RST_NODE_PACKAGE ?? '..');

// Errors' codes => their kind in the protocol.
const KINDS = {
  ERR_RST_INVALID: 'invalid',
  ERR_RST_EXISTS: 'exists',
  ERR_RST_ARITY: 'arity',
  ERR_RST_TYPE: 'type',
  ERR_RST_RANGE: 'range',
};
const FLOATS = { nan: NaN, inf: Infinity, '-inf': -Infinity };

// As the binding documents it: beyond 2 ** 53 - 1, an integer is a BigInt.
function integer(text) {
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
}

// A value's letter => how its text is read.
const VALUES = {
  i: integer,
  d: (text) => FLOATS[text] ?? Number(text),
  s: decodeURIComponent,
  b: (text) => text === 'true',
  n: () => null,
};

function values(words) {
  return words.map((word) => VALUES[word[0]](word.slice(2)));
}

let provider;

function probe(name) {
  return provider.probes.find((one) => one.name === name);
}

const COMMANDS = {
  provider: (name) => {
    provider = new Provider(decodeURIComponent(name));
  },
  add: (name, signature) => {
    provider.probe(decodeURIComponent(name), signature);
  },
  load: () => {
    provider.load();
  },
  unload: () => provider.unload(),
  path: (name) => probe(name).path ?? undefined,
  enabled: (name) => probe(name).enabled,
  fire: (name, ...words) => {
    probe(name).fire(...values(words));
  },
  lazy: (name, ...words) => {
    let runs = 0;
    probe(name).fire(() => {
      runs += 1;
      return values(words);
    });
    return runs;
  },
  pid: () => process.pid,
  quit: () => process.exit(),
};

function answer(line) {
  const [command, ...fields] = line.split('\t');
  try {
    return ['ok', COMMANDS[command](...fields)].filter((word) => word !== undefined).join(' ');
  } catch (error) {
    if (KINDS[error.code] === undefined) throw error;
    return `error ${KINDS[error.code]}`;
  }
}

let rest = '';
process.stdin.setEncoding('utf8').on('data', (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) fs.writeSync(1, `${answer(line)}\n`);
});
