// SPDX-License-Identifier: MIT
'use strict';

// The interface of npm's dtrace-provider, whose probes do nothing on Linux, on librst. Programs that
// were written for it (bunyan, restify) have probes that Linux's tracers see. What is so there is so
// here: a callback gives an array, values are converted rather than checked, and what a program gets
// wrong in its callback does not reach it.
//
// register.js puts this in the place of the package.

const { Provider } = require('../lib');
const { thrown } = require('../lib/errors');
const { tracerName } = require('../lib/names');

const MOST_ARGUMENTS = 12;
const MOST_PROVIDER_NAME = 58;

function integer(value) {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value);
  const number = Math.trunc(Number(value));
  return Number.isFinite(number) ? BigInt.asIntN(64, BigInt(number)) : 0n;
}

function text(value) {
  return String(value);
}

function json(value) {
  try {
    return String(JSON.stringify(value));
  } catch {
    return '{ "error": "stringify failed" }';
  }
}

// A type's name begins so; every other type is a string.
const TYPES = [
  ['json', { type: 'string', convert: json }],
  ['char *', { type: 'string', convert: text }],
  ['int', { type: 'int64', convert: integer }],
];
const STRING = { type: 'string', convert: text };

function typeOf(name) {
  return TYPES.find(([begins]) => String(name).startsWith(begins))?.[1] ?? STRING;
}

function warn(message) {
  process.emitWarning(message, { type: 'ProbeWarning', code: 'RST_DTRACE' });
}

// Two copies of a package, or two of its objects, declare the same probes: they share them.
const shares = new Map();

/** What the DTraceProviders of one name share: a Provider, its probes, and who enabled it. */
class Share {
  static of(name) {
    if (!shares.has(name)) shares.set(name, new Share(name));
    return shares.get(name);
  }

  #provider;

  #probes = new Map();

  #enabledBy = new Set();

  #loading = false;

  constructor(name) {
    this.#provider = new Provider(name);
  }

  /** The probe of that name and signature; null, after a warning, if it can't be had. */
  declare(name, signature) {
    const known = this.#probes.get(name);
    if (known?.signature === signature) return known;
    try {
      const probe = this.#provider.probe(name, signature);
      this.#probes.set(name, probe);
      return probe;
    } catch (error) {
      warn(`a probe does nothing: ${error.message}`);
      return null;
    }
  }

  enable(by) {
    this.#enabledBy.add(by);
    this.#load();
  }

  disable(by) {
    this.#enabledBy.delete(by);
    if (this.#enabledBy.size === 0) this.#provider.unload();
  }

  // Those that are added in a row, as a server's routes are, are loaded at once.
  loadSoon(by) {
    if (this.#loading || !this.#enabledBy.has(by)) return;
    this.#loading = true;
    queueMicrotask(() => {
      this.#loading = false;
      if (this.#enabledBy.size > 0) this.#load();
    });
  }

  #load() {
    try {
      this.#provider.load();
    } catch (error) {
      warn(`probes do nothing: ${error.message}`);
    }
  }
}

let forget;

class DTraceProbe {
  #probe;

  #types;

  #warned = false;

  constructor(probe, types) {
    this.#probe = probe;
    this.#types = types;
  }

  fire(callback) {
    if (typeof callback !== 'function') {
      throw new TypeError('Must give probe value callback as first argument');
    }
    return this.#probe?.enabled ? this.#fire(...arguments) : undefined;
  }

  // What is not an array is not fired: so a callback may change its mind.
  #fire(callback, ...given) {
    try {
      const values = Reflect.apply(callback, this, given);
      if (!Array.isArray(values)) return undefined;
      const converted = this.#types.map(({ convert }, index) => convert(values[index]));
      return this.#probe.fire(...converted) ? true : undefined;
    } catch (error) {
      if (!this.#warned) warn(`${this.#probe} was not fired (said once): ${thrown(error)}`);
      this.#warned = true;
      return undefined;
    }
  }

  static {
    forget = (probe) => {
      probe.#probe = null;
    };
  }
}

class DTraceProvider {
  #share;

  #names = new Map(); // of each DTraceProbe

  constructor(name, module) {
    if (typeof name !== 'string') throw new TypeError('Must give provider name as argument');
    if (module !== undefined && typeof module !== 'string') {
      throw new TypeError('Must give module name as argument');
    }
    this.#share = Share.of(tracerName(name, MOST_PROVIDER_NAME));
  }

  addProbe(name, ...typeNames) {
    const types = typeNames.slice(0, MOST_ARGUMENTS).map(typeOf);
    if (typeNames.length > types.length) {
      warn(`probe ${name} has ${typeNames.length} arguments, of which tracers see the first ${MOST_ARGUMENTS}`);
    }
    const signature = types.map(({ type }) => type).join(', ');
    const probe = new DTraceProbe(this.#share.declare(tracerName(String(name)), signature), types);
    this[name] = probe;
    this.#names.set(probe, name);
    this.#share.loadSoon(this);
    return probe;
  }

  removeProbe(probe) {
    if (!this.#names.has(probe)) throw new Error('the provider has no such probe');
    delete this[this.#names.get(probe)];
    this.#names.delete(probe);
    forget(probe);
    return true;
  }

  enable() {
    this.#share.enable(this);
  }

  disable() {
    this.#share.disable(this);
  }

  fire(name, callback, ...given) {
    if (typeof name !== 'string') throw new TypeError('Must give probe name as first argument');
    if (typeof callback !== 'function') {
      throw new TypeError('Must give probe value callback as second argument');
    }
    const probe = this[name];
    if (!this.#names.has(probe)) return undefined;
    return probe.fire(callback, ...given);
  }
}

function createDTraceProvider(name, module) {
  return new DTraceProvider(name, module);
}

module.exports = { DTraceProvider, DTraceProbe, createDTraceProvider };
