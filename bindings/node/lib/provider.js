// SPDX-License-Identifier: MIT
'use strict';

const { native } = require('./native');
const { newProbe, show, hide } = require('./probe');
const { signatureText } = require('./types');
const { failure, shown } = require('./errors');

const BACKINGS = ['auto', 'memfd', 'file']; // the order of enum rst_backing_kind

function needText(what, value) {
  if (typeof value === 'string') return value;
  throw failure(TypeError, 'ERR_RST_INVALID', `${what} must be a string, not ${shown(value)}`);
}

function backingOf(name) {
  const number = BACKINGS.indexOf(name);
  if (number !== -1) return number;
  const words = `backing must be 'auto', 'memfd' or 'file', not ${shown(name)}`;
  throw failure(TypeError, 'ERR_RST_INVALID', words);
}

/** A named group of probes, which are loaded and unloaded together. */
class Provider {
  #number;

  #probes = new Map();

  #closed = false;

  constructor(name, { backing = 'auto', directory } = {}) {
    needText('a provider\'s name', name);
    if (directory !== undefined) needText('directory', directory);
    this.#number = native.provider(name, backingOf(backing), directory);
    Object.defineProperty(this, 'name', { value: name, enumerable: true });
  }

  probe(name, signature) {
    this.#needOpen();
    needText('a probe\'s name', name);
    const number = native.probe(this.#number, name, signatureText(signature));
    const probe = newProbe(this, number, name);
    this.#probes.set(name, probe);
    return probe;
  }

  get probes() {
    return [...this.#probes.values()];
  }

  get loaded() {
    return !this.#closed && native.loaded(this.#number);
  }

  load() {
    this.#needOpen();
    const loaded = native.load(this.#number);
    if (loaded) this.#probes.forEach(show);
    return loaded;
  }

  unload() {
    if (this.#closed) return;
    this.#probes.forEach((probe) => hide(probe, false));
    native.unload(this.#number);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    const buffers = this.probes.map((probe) => hide(probe, true));
    native.close(this.#number, buffers.filter((buffer) => buffer !== undefined));
  }

  #needOpen() {
    if (!this.#closed) return;
    throw failure(Error, 'ERR_RST_CLOSED', `provider ${this.name} is closed; make a new one`);
  }
}

if (Symbol.dispose !== undefined) {
  Object.defineProperty(Provider.prototype, Symbol.dispose, {
    value: Provider.prototype.close,
    configurable: true,
    writable: true,
  });
}

module.exports = { Provider };
