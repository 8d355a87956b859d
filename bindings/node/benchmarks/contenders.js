// SPDX-License-Identifier: MIT
'use strict';

// What is measured: operations as text, which worker.js compiles in rows, and what they need.

const fs = require('fs');
const path = require('path');

const PACKAGE = process.env.RST_NODE_PACKAGE ?? path.dirname(__dirname);

// Where the dtrace-provider is that does nothing on Linux: the first of these that is there.
const STUB = [process.env.RST_NODE_PEERS, '/usr/share/nodejs']
  .filter(Boolean)
  .map((home) => path.join(home, 'dtrace-provider'))
  .find((home) => fs.existsSync(home));

/** What an operation finds as variables. `point` is what bpftrace watches, if anything. */
const SETUPS = {
  nothing: () => ({}),
  // Eight functions that V8 can't tell apart, so that none is inlined.
  call: () => ({ calls: [...Array(8).keys()].map((n) => new Function(`return ${n};`)) }),
  napi: () => ({ native: require(`${PACKAGE}/lib/native`).native }),
  channel: () => ({ channel: require('diagnostics_channel').channel('bench.point') }),
  subscribed() {
    const { channel } = SETUPS.channel();
    channel.subscribe(() => {});
    return { channel };
  },
  stub() {
    const provider = require(STUB).createDTraceProvider('stub');
    const probe = provider.addProbe('point', 'int', 'char *');
    provider.enable();
    return { probe };
  },
  librst() {
    const provider = new (require(PACKAGE).Provider)('bench');
    const point = provider.probe('point', { one: Number, two: String });
    provider.load();
    return { point };
  },
  dtrace() {
    const provider = require(`${PACKAGE}/dtrace-provider`).createDTraceProvider('bench');
    const probe = provider.addProbe('point', 'int', 'char *');
    provider.enable();
    return { probe };
  },
  bridged() {
    const { Provider, bridge } = require(PACKAGE);
    const provider = new Provider('bench');
    const { channel } = bridge(provider, 'bench.point', { probe: 'point', signature: { one: Number, two: String } });
    provider.load();
    return { channel };
  },
};

const LAZY = 'fire(() => [i, TWO])';
const EMPTY = { id: 'empty', label: 'nothing (what the loop costs)', setup: 'nothing', operation: '' };

const QUESTIONS = [
  {
    id: 'node-unwatched',
    title: 'Node: nobody watches',
    baseline: 'call',
    contenders: [
      EMPTY,
      { id: 'call', label: 'an empty function, not inlined', setup: 'call', operation: 'calls[i & 7]()' },
      { id: 'napi', label: 'an empty N-API function', setup: 'napi', operation: 'native.nothing()' },
      { id: 'channel', label: 'diagnostics_channel: publish(message), no subscriber', setup: 'channel', operation: 'channel.publish({ one: i, two: TWO })' },
      { id: 'stub', label: 'dtrace-provider, the stub: fire(() => [i, TWO])', setup: 'stub', operation: `probe.${LAZY}`, lacking: STUB ? undefined : 'no dtrace-provider is installed' },
      { id: 'enabled', label: 'librst: enabled', setup: 'librst', operation: 'if (point.enabled) seen++' },
      { id: 'fire-values', label: 'librst: fire(i, TWO)', setup: 'librst', operation: 'point.fire(i, TWO)' },
      { id: 'lazy', label: 'librst: fire(() => [i, TWO])', setup: 'librst', operation: `point.${LAZY}` },
      { id: 'dtrace', label: 'librst/dtrace-provider: fire(() => [i, TWO])', setup: 'dtrace', operation: `probe.${LAZY}` },
      { id: 'bridged', label: 'librst: bridge(), publish(message)', setup: 'bridged', operation: 'channel.publish({ one: i, two: TWO })' },
    ],
  },
  {
    id: 'node-watched',
    title: 'Node: bpftrace counts, or a subscriber does nothing',
    baseline: 'fire-values-watched',
    contenders: [
      EMPTY,
      { id: 'fire-values-watched', label: 'librst: fire(i, TWO)', setup: 'librst', operation: 'point.fire(i, TWO)', watched: true },
      { id: 'lazy', label: 'librst: fire(() => [i, TWO])', setup: 'librst', operation: `point.${LAZY}`, watched: true },
      { id: 'dtrace', label: 'librst/dtrace-provider: fire(() => [i, TWO])', setup: 'dtrace', operation: `probe.${LAZY}`, watched: true },
      { id: 'bridged', label: 'librst: bridge(), publish(message)', setup: 'bridged', operation: 'channel.publish({ one: i, two: TWO })', watched: true },
      { id: 'subscribed', label: 'diagnostics_channel: publish(message), a subscriber', setup: 'subscribed', operation: 'channel.publish({ one: i, two: TWO })' },
    ],
  },
];

module.exports = { PACKAGE, QUESTIONS, SETUPS };
