// SPDX-License-Identifier: MIT
'use strict';

// node --require librst/dtrace-provider/register program.js
//
// From here on, `require('dtrace-provider')` gives librst's, wherever that package is installed, and
// also where it is not. Node has no public way to do that for `require` in every version
// that librst supports; this is the one that loaders of TypeScript and of mocks have used for years.

const Module = require('module');
const path = require('path');

const OURS = path.join(__dirname, 'index.js');
const resolve = Module._resolveFilename;

Module._resolveFilename = function resolveFilename(request, ...others) {
  return request === 'dtrace-provider' ? OURS : Reflect.apply(resolve, this, [request, ...others]);
};
