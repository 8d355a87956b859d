// SPDX-License-Identifier: MIT
'use strict';

// Errors are JavaScript's own classes, told apart by `code`, as Node's are. lib/index.d.ts has the
// list. Those that librst reports come from native/addon.c.

const { types: { isPromise } } = require('util');

/** An error of that class, code and message. */
function failure(Class, code, message) {
  const error = new Class(message);
  error.code = code;
  return error;
}

const MOST_SHOWN = 40;

/** A value, short enough for a message. */
function shown(value) {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}...` : value);
    case 'bigint':
      return `${value}n`;
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'symbol':
    case 'function':
      return `a ${typeof value}`;
    default:
      break;
  }
  if (value === null) return 'null';
  if (isPromise(value)) return 'a Promise';
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** What a program's own function has thrown, in words: its message, if that can be had. */
function thrown(error) {
  try {
    if (error instanceof Error) return `${error.message}`;
    return `its function threw ${String(error)}`;
  } catch {
    return `its function threw ${shown(error)}`; // without a text, or its text is an error, too
  }
}

/** Where it was thrown; undefined if that can't be had. */
function stackOf(error) {
  try {
    return error instanceof Error ? error.stack : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { failure, shown, stackOf, thrown };
