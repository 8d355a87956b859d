// SPDX-License-Identifier: MIT
'use strict';

const { native, guard } = require('./native');
const { complaint, fits, parse } = require('./types');
const { stackOf, thrown } = require('./errors');

// A probe reads its semaphore, the kernel's count of tracers, from a Uint32Array over librst's
// memory. V8 may not keep what it has read of an array's memory, so also a compiled loop sees the
// count change. Until a probe is loaded it reads a zero of our own, and where it can't have that
// memory, a one, which makes it ask librst.
const UNWATCHED = new Uint32Array(1);
const ASK = Uint32Array.of(1);
const KEY = Symbol('probe');

let show;
let hide;

/** A place in a program that a tracer can watch. A Provider makes it. */
class Probe {
  #cell = UNWATCHED;

  // The types of the first arguments: an array of them would have to be looked at first.
  #a;

  #b;

  #c;

  #number;

  #signature;

  #memory = null;

  #warned = false;

  constructor(key, provider, number, name) {
    if (key !== KEY) throw new TypeError('a Probe is made by Provider.probe()');
    this.#number = number;
    this.#signature = parse(native.signature(number));
    [this.#a, this.#b, this.#c] = this.#signature.types;
    Object.defineProperties(this, {
      provider: { value: provider, enumerable: false },
      name: { value: name, enumerable: true },
      signature: { value: this.#signature.text, enumerable: true },
    });
    const fire = Probe.#fires[this.#signature.types.length];
    if (fire !== undefined) Object.defineProperty(this, 'fire', { value: fire, enumerable: false });
  }

  get path() {
    return this.#number === -1 ? null : native.path(this.#number) ?? null;
  }

  get enabled() {
    return this.#cell[0] !== 0 && native.enabled(this.#number);
  }

  // For any number of values. A probe with up to three has one of its own.
  fire(first) {
    if (typeof first === 'function') return this.#cell[0] !== 0 && this.#fireLazily(...arguments);
    const { types } = this.#signature;
    const count = arguments.length;
    if (count !== types.length) throw this.#complain(...arguments);
    for (let i = 0; i < count; i++) {
      if (!fits(types[i], arguments[i])) throw this.#complain(...arguments);
    }
    return this.#cell[0] !== 0 && native.fire(this.#number, ...arguments);
  }

  // Each is short enough to be inlined where it is called, with fits().
  static #fires = [
    function fire(values) {
      if (typeof values === 'function') return this.#cell[0] !== 0 && this.#fireLazily(...arguments);
      if (arguments.length !== 0) throw this.#complain(...arguments);
      return this.#cell[0] !== 0 && native.fire(this.#number);
    },
    function fire(a) {
      if (typeof a === 'function') return this.#cell[0] !== 0 && this.#fireLazily(...arguments);
      if (arguments.length !== 1 || !fits(this.#a, a)) throw this.#complain(...arguments);
      return this.#cell[0] !== 0 && native.fire(this.#number, a);
    },
    function fire(a, b) {
      if (typeof a === 'function') return this.#cell[0] !== 0 && this.#fireLazily(...arguments);
      if (arguments.length !== 2 || !fits(this.#a, a) || !fits(this.#b, b)) throw this.#complain(...arguments);
      return this.#cell[0] !== 0 && native.fire(this.#number, a, b);
    },
    function fire(a, b, c) {
      if (typeof a === 'function') return this.#cell[0] !== 0 && this.#fireLazily(...arguments);
      if (arguments.length !== 3 || !fits(this.#a, a) || !fits(this.#b, b) || !fits(this.#c, c)) {
        throw this.#complain(...arguments);
      }
      return this.#cell[0] !== 0 && native.fire(this.#number, a, b, c);
    },
  ];

  #complain(...values) {
    return complaint(`${this}: `, this.#signature, values);
  }

  #fireLazily(values, ...given) {
    if (!native.enabled(this.#number)) return false;
    try {
      const fired = this.#listOf(Reflect.apply(values, this, given));
      const wrong = complaint('', this.#signature, fired);
      if (wrong !== undefined) throw wrong;
      return native.fire(this.#number, ...fired);
    } catch (error) {
      this.#warn(error);
      return false;
    }
  }

  #listOf(value) {
    if (Array.isArray(value)) return value;
    return this.#signature.types.length === 0 && value === undefined ? [] : [value];
  }

  // A function runs only while somebody watches, so what it throws must not reach the program.
  #warn(error) {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(`${this} was not fired (said once): ${thrown(error)}`, {
      type: 'ProbeWarning',
      code: 'RST_LAZY',
      detail: stackOf(error),
    });
  }

  toString() {
    return `${this.provider.name}:${this.name}`;
  }

  static {
    show = (probe) => {
      if (guard === 'memory') {
        probe.#memory ??= new Uint32Array(native.semaphore(probe.#number));
        probe.#cell = probe.#memory;
      } else {
        probe.#cell = ASK;
      }
    };
    hide = (probe, forever) => {
      const memory = probe.#memory;
      probe.#cell = UNWATCHED;
      if (!forever) return undefined;
      probe.#memory = null;
      probe.#number = -1;
      return memory?.buffer;
    };
  }
}

module.exports = {
  Probe,
  newProbe: (provider, number, name) => new Probe(KEY, provider, number, name),
  /** Let it read its semaphore. */
  show,
  /** Let it read zero; for ever, if its provider is closed. Gives the buffer it had then. */
  hide,
};
