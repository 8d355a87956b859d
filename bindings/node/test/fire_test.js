// SPDX-License-Identifier: MIT
'use strict';

// Firing while nobody watches: what fits is taken, what doesn't is an error, and nothing runs.

const { PACKAGE, assert, test } = require('./support/testing');
const { Provider } = require(PACKAGE);

const provider = new Provider('fire');
let number = 0;

function probe(signature) {
  number += 1;
  return provider.probe(`probe${number}`, signature);
}

test('values that fit are taken, and nobody sees them', () => {
  const fits = [
    ['int64', Number.MAX_SAFE_INTEGER],
    ['int64', Number.MIN_SAFE_INTEGER],
    ['int64', -(2n ** 63n)],
    ['uint64', 2n ** 64n - 1n],
    ['uint32', 2 ** 32 - 1],
    ['int8', -0],
    ['int8', 127n],
    ['bool', false],
    ['double', NaN],
    ['float', 1e300],
    ['string', undefined],
    ['string', Buffer.from('bytes')],
    ['string', new Uint8Array(3)],
    ['pointer', null],
    ['pointer', Buffer.from('bytes')],
    ['pointer', 2n ** 64n - 1n],
  ];
  provider.load();
  for (const [type, value] of fits) assert.equal(probe(type).fire(value), false, `${type} ${String(value)}`);
});

// What a value's error says, and its class and code.
const MISFITS = [
  ['int8 n', 128, RangeError, 'RANGE', /argument 1 \(n\) must be an integer from -128 to 127, not 128$/],
  ['int8', 128, RangeError, 'RANGE', /argument 1 must be an integer from -128 to 127, not 128$/],
  ['uint64', -1n, RangeError, 'RANGE', /from 0 to 18446744073709551615, not -1n$/],
  ['int64', 2 ** 60, RangeError, 'RANGE', /a Number that may be inexact; beyond 2 \*\* 53 - 1 pass a BigInt$/],
  ['int64', 2 ** 70, RangeError, 'RANGE', /not 1180591620717411303424|not 1\.18/],
  ['pointer', -1, RangeError, 'RANGE', /from 0 to/],
  ['int32', 0.5, TypeError, 'TYPE', /must be an integer from .*, not 0\.5$/],
  ['int32', NaN, TypeError, 'TYPE', /not NaN$/],
  ['int32', '7', TypeError, 'TYPE', /not "7"$/],
  ['int32', true, TypeError, 'TYPE', /not true$/],
  ['int32', undefined, TypeError, 'TYPE', /not undefined$/],
  ['int32', {}, TypeError, 'TYPE', /not an object$/],
  ['int32', [1], TypeError, 'TYPE', /not an array$/],
  ['int32', Symbol('s'), TypeError, 'TYPE', /not a symbol$/],
  ['double', 1n, TypeError, 'TYPE', /must be a Number, not 1n$/],
  ['bool', 1, TypeError, 'TYPE', /must be true or false, not 1$/],
  ['string', 7, TypeError, 'TYPE', /must be a string, a Buffer or null, not 7$/],
  ['pointer', 'x'.repeat(99), TypeError, 'TYPE', new RegExp(`a Buffer or null, not "x{40}\\.\\.\\."$`)],
  ['pointer', 0.5, TypeError, 'TYPE', /not 0\.5$/],
];

test('a value that does not fit is an error that says what would', () => {
  for (const [signature, value, Class, code, words] of MISFITS) {
    assert.throws(() => probe(signature).fire(value), (error) => {
      assert.ok(error instanceof Class, `${signature}: ${error}`);
      assert.equal(error.code, `ERR_RST_${code}`);
      assert.match(error.message, words);
      assert.match(error.message, /^fire:probe\d+: /);
      return true;
    });
  }
});

test('each place is checked, of any number of values', () => {
  for (let count = 0; count <= 12; count++) {
    const many = probe(Array(count).fill('int32'));
    const good = [...Array(count).keys()];
    assert.equal(many.fire(...good), false);
    assert.equal(many.fire(() => assert.fail('it ran'), ...good), false);
    assert.throws(() => many.fire(...good, 1), { code: 'ERR_RST_ARITY' });
    for (const index of good.keys()) {
      const values = [...good];
      values[index] = 'x';
      const message = new RegExp(`argument ${index + 1} must`);
      assert.throws(() => many.fire(...values), { code: 'ERR_RST_TYPE', message });
      assert.throws(() => many.fire(...good.slice(1)), { code: 'ERR_RST_ARITY' });
    }
  }
});

test('a wrong number of values is an error that says the signature', () => {
  const two = probe({ order: 'uint64', customer: String });
  assert.throws(() => two.fire(1), {
    name: 'TypeError', code: 'ERR_RST_ARITY', message: /got 1 value, expected 2 \(uint64 order, string customer\)$/,
  });
  assert.throws(() => two.fire(1, 'Ada', 2), { code: 'ERR_RST_ARITY', message: /got 3 values/ });
  assert.throws(() => probe('').fire(1), { code: 'ERR_RST_ARITY', message: /expected 0 \(no arguments\)$/ });
  assert.equal(probe(undefined).fire(), false);
});

test('a function does not run, whatever it would give', () => {
  const two = probe('int32, int32');
  assert.equal(two.fire(() => assert.fail('it ran')), false);
  assert.equal(two.fire((a) => assert.fail(`it ran with ${a}`), 1), false);
});

test('values of every declared form', () => {
  const form = (signature) => probe(signature).signature;
  assert.equal(form({ a: Number, b: BigInt, c: Boolean, d: String, e: Buffer }), 'int64 a, int64 b, bool c, string d, pointer e');
  assert.equal(form([Number, 'uint8']), 'int64, uint8');
  assert.equal(form(' int8   a ,string'), 'int8 a, string');
  assert.equal(form(null), '');
  for (const [signature, words] of [
    [{ a: 'integer' }, /^a: "integer" is not a type; the types are Number, .*'string'$/],
    [[Date], /^argument 1: a function is not a type/],
    [7, /^a signature is text, an array of types or \{ name: type \}, not 7$/],
  ]) {
    assert.throws(() => probe(signature), { name: 'TypeError', code: 'ERR_RST_INVALID', message: words });
  }
});
