// SPDX-License-Identifier: MIT
'use strict';

const { guard } = require('./native');
const { Probe } = require('./probe');
const { Provider } = require('./provider');
const { bridge } = require('./channels');
const { version } = require('../package.json');

module.exports = { Probe, Provider, bridge, guard, version };
