// SPDX-License-Identifier: MIT
'use strict';

// Stands in for the compiled part where there is none. It knows the rules of names and signatures,
// so that a program that declares its probes wrongly fails on every system, and its probes are
// never watched.

const { NAMES } = require('./types');
const { failure, shown } = require('./errors');

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MOST = { provider: 58, probe: 127, arguments: 12 };

const providers = [];
const probes = [];

function invalid(words) {
  return failure(Error, 'ERR_RST_INVALID', words);
}

function check(what, name) {
  if (!NAME.test(name)) {
    throw invalid(`${what} name ${shown(name)} is not a name: a letter or _ first, then letters, digits and _`);
  }
  if (name.length > MOST[what]) {
    throw invalid(`${what} name ${shown(name)} has ${name.length} bytes; at most ${MOST[what]} are allowed`);
  }
}

function plain(argument, seen) {
  const [type, name, ...others] = argument.trim().split(/\s+/);
  if (!NAMES.includes(type)) throw invalid(`${shown(type)} is not a type; the types are ${NAMES.join(', ')}`);
  if (name === undefined) return type;
  if (others.length > 0 || !NAME.test(name) || seen.has(name)) {
    throw invalid(`argument ${shown(argument)}: after the type comes a name, each used once, and then a comma`);
  }
  seen.add(name);
  return `${type} ${name}`;
}

function plainSignature(signature) {
  const seen = new Set();
  const all = signature.trim() === '' ? [] : signature.split(',').map((argument) => plain(argument, seen));
  if (all.length > MOST.arguments) {
    throw invalid(`signature ${shown(signature)} has ${all.length} arguments; at most ${MOST.arguments} are allowed`);
  }
  return all.join(', ');
}

function never() {
  return false;
}

module.exports = {
  provider(name) {
    check('provider', name);
    return providers.push({ name }) - 1;
  },
  probe(number, name, signature) {
    const provider = providers[number].name;
    check('probe', name);
    const text = plainSignature(signature);
    if (probes.some((probe) => probe.provider === provider && probe.name === name && !providers[probe.number].closed)) {
      throw failure(Error, 'ERR_RST_EXISTS', `probe "${provider}:${name}" exists already; give each its own name`);
    }
    return probes.push({ provider, number, name, text }) - 1;
  },
  close(number) {
    providers[number].closed = true;
  },
  signature(number) {
    return probes[number].text;
  },
  path() {
    return undefined;
  },
  semaphore() {
    return undefined;
  },
  unload() {},
  load: never,
  loaded: never,
  enabled: never,
  fire: never,
};
