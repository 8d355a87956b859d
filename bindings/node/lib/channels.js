// SPDX-License-Identifier: MIT
'use strict';

// A channel of diagnostics_channel becomes a probe.

const channels = require('diagnostics_channel');
const { inspect } = require('util');
const { tracerName } = require('./names');
const { failure, shown } = require('./errors');

function asText(message) {
  try {
    return JSON.stringify(message) ?? String(message);
  } catch {
    return inspect(message, { breakLength: Infinity, depth: 3 }); // circular, as a request is
  }
}

/** What to fire for a message, if the program doesn't say: the properties that the arguments name. */
function propertiesOf(probe) {
  const names = probe.signature.split(', ').map((argument) => argument.split(' ')[1]);
  return (message) => names.map((name) => message[name]);
}

function valuesOf(probe, signature, values) {
  if (values !== undefined) return values;
  return signature === undefined ? (message) => [asText(message)] : propertiesOf(probe);
}

// While a channel has a subscriber, its publishers make messages. So with an interval, it has one
// only while somebody watches, as far as a timer can tell.
function subscribeWhileWatched(channel, receive, probe, interval) {
  let subscribed = false;
  const look = () => {
    if (probe.enabled === subscribed) return;
    subscribed = !subscribed;
    if (subscribed) channel.subscribe(receive);
    else channel.unsubscribe(receive);
  };
  const timer = setInterval(look, interval);
  timer.unref();
  look();
  return () => {
    clearInterval(timer);
    if (subscribed) channel.unsubscribe(receive);
  };
}

function subscribeNow(channel, receive) {
  channel.subscribe(receive);
  return () => channel.unsubscribe(receive);
}

function checkOptions(values, interval) {
  if (values !== undefined && typeof values !== 'function') {
    throw failure(TypeError, 'ERR_RST_INVALID', `values must be a function, not ${shown(values)}`);
  }
  if (interval !== undefined && !(Number.isFinite(interval) && interval > 0)) {
    const words = `interval must be a number of milliseconds above 0, not ${shown(interval)}`;
    throw failure(RangeError, 'ERR_RST_RANGE', words);
  }
}

/** Fire a probe of that provider for each message of a channel. */
function bridge(provider, name, { probe: probeName, signature, values, interval } = {}) {
  checkOptions(values, interval);
  const channel = channels.channel(name);
  const probe = provider.probe(probeName ?? tracerName(String(name.description ?? name)), signature ?? 'string message');
  const convert = valuesOf(probe, signature, values);
  const receive = (message, from) => {
    probe.fire(convert, message, from);
  };
  const stop = interval === undefined
    ? subscribeNow(channel, receive)
    : subscribeWhileWatched(channel, receive, probe, interval);
  return { probe, channel, stop };
}

module.exports = { bridge };
