// SPDX-License-Identifier: MIT
'use strict';

// The types of arguments: what each takes, and the signatures that name them.
//
// fits() runs on every fire that has values, also while nobody watches. So it is short enough for V8
// to inline it, with the rest of the types in another function, and it makes no objects.

const { types: { isUint8Array } } = require('util');
const { failure, shown } = require('./errors');

const NAMES = [
  'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
  'bool', 'float', 'double', 'pointer', 'string',
];
const INT8 = 0;
const UINT8 = 1;
const INT16 = 2;
const UINT16 = 3;
const INT32 = 4;
const UINT32 = 5;
const INT64 = 6;
const UINT64 = 7;
const BOOL = 8;
const FLOAT = 9;
const DOUBLE = 10;
const POINTER = 11;
const STRING = 12;

// The least and greatest of each integer type, and of an address.
const RANGES = new Map([
  [INT8, [-128n, 127n]],
  [UINT8, [0n, 255n]],
  [INT16, [-32768n, 32767n]],
  [UINT16, [0n, 65535n]],
  [INT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [UINT32, [0n, 2n ** 32n - 1n]],
  [INT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [UINT64, [0n, 2n ** 64n - 1n]],
  [POINTER, [0n, 2n ** 64n - 1n]],
]);

// What JavaScript calls its own types.
const OWN = new Map([
  [Number, 'int64'],
  [BigInt, 'int64'],
  [Boolean, 'bool'],
  [String, 'string'],
  [Buffer, 'pointer'],
]);

const WANTED = new Map([
  [BOOL, 'true or false'],
  [FLOAT, 'a Number'],
  [DOUBLE, 'a Number'],
  [POINTER, 'an address (a Number or BigInt that is not negative), a Buffer or null'],
  [STRING, 'a string, a Buffer or null'],
]);

// Of the integers of 32 bits, those that fit each type, by its number.
const LEAST = [-128, 0, -32768, 0, -(2 ** 31), 0, -(2 ** 31), 0, 0, -(2 ** 31), -(2 ** 31), 0, 0];
const GREATEST = [127, 255, 32767, 65535, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, -1,
  2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, -1];

/** Of all but strings and integers of 32 bits: whether it fits. */
function otherFits(type, value) {
  switch (typeof value) {
    case 'boolean':
      return type === BOOL;
    case 'number':
      if (type === FLOAT || type === DOUBLE) return true;
      if (type === UINT32) return value === (value >>> 0);
      if (type === INT64) return Number.isSafeInteger(value);
      return (type === UINT64 || type === POINTER) && Number.isSafeInteger(value) && value >= 0;
    case 'bigint': {
      const range = RANGES.get(type);
      return range !== undefined && value >= range[0] && value <= range[1];
    }
    default:
      return (type === STRING || type === POINTER) && (value === null || value === undefined || isUint8Array(value));
  }
}

/** Whether a value can be fired as that type. */
function fits(type, value) {
  if (typeof value === 'number' && value === (value | 0)) {
    return value >= LEAST[type] && value <= GREATEST[type];
  }
  return (typeof value === 'string' && type === STRING) || otherFits(type, value);
}

function isInteger(value) {
  return typeof value === 'bigint' || Number.isInteger(value);
}

/** The error for a value that does not fit. */
function misfit(place, type, value) {
  const range = RANGES.get(type);
  if (range === undefined || (type === POINTER && !isInteger(value))) {
    return failure(TypeError, 'ERR_RST_TYPE', `${place} must be ${WANTED.get(type)}, not ${shown(value)}`);
  }
  const wanted = `an integer from ${range[0]} to ${range[1]}`;
  if (!isInteger(value)) {
    return failure(TypeError, 'ERR_RST_TYPE', `${place} must be ${wanted}, not ${shown(value)}`);
  }
  if (BigInt(value) >= range[0] && BigInt(value) <= range[1]) {
    const words = `${place} is ${value}, a Number that may be inexact; beyond 2 ** 53 - 1 pass a BigInt`;
    return failure(RangeError, 'ERR_RST_RANGE', words);
  }
  return failure(RangeError, 'ERR_RST_RANGE', `${place} must be ${wanted}, not ${shown(value)}`);
}

/** What is wrong with the values of a fire, as an error whose message begins so; or undefined. */
function complaint(begin, signature, values) {
  const { types, names, text } = signature;
  if (values.length !== types.length) {
    const got = `got ${values.length} value${values.length === 1 ? '' : 's'}`;
    const words = `${begin}${got}, expected ${types.length} (${text || 'no arguments'})`;
    return failure(TypeError, 'ERR_RST_ARITY', words);
  }
  const wrong = types.findIndex((type, index) => !fits(type, values[index]));
  if (wrong === -1) return undefined;
  const name = names[wrong] === '' ? '' : ` (${names[wrong]})`;
  return misfit(`${begin}argument ${wrong + 1}${name}`, types[wrong], values[wrong]);
}

function typeName(type, place) {
  const name = OWN.get(type) ?? type;
  if (NAMES.includes(name)) return name;
  const words = `${place}: ${shown(type)} is not a type; the types are Number, BigInt, Boolean, ` +
    `String, Buffer, ${NAMES.map((known) => `'${known}'`).join(', ')}`;
  throw failure(TypeError, 'ERR_RST_INVALID', words);
}

/** The text of a signature that is given as text, as an array of types, or as { name: type }. */
function signatureText(given) {
  if (given === undefined || given === null) return '';
  if (typeof given === 'string') return given;
  if (Array.isArray(given)) {
    return given.map((type, index) => typeName(type, `argument ${index + 1}`)).join(', ');
  }
  if (typeof given === 'object') {
    const entries = Object.entries(given);
    return entries.map(([name, type]) => `${typeName(type, name)} ${name}`).join(', ');
  }
  const words = `a signature is text, an array of types or { name: type }, not ${shown(given)}`;
  throw failure(TypeError, 'ERR_RST_INVALID', words);
}

/** The types and names of a signature in its plain form, as librst gives it. */
function parse(text) {
  const words = text === '' ? [] : text.split(', ').map((argument) => argument.split(' '));
  return Object.freeze({
    text,
    types: Object.freeze(words.map(([type]) => NAMES.indexOf(type))),
    names: Object.freeze(words.map(([, name]) => name ?? '')),
  });
}

module.exports = { NAMES, complaint, fits, parse, signatureText };
