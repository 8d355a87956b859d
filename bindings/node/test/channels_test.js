// SPDX-License-Identifier: MIT
'use strict';

// A channel of diagnostics_channel becomes a probe.

const channels = require('diagnostics_channel');
const { PACKAGE, assert, refused, test, tracingRefusal } = require('./support/testing');
const { hits, leave, script, watch } = require('./support/program');
const { Provider, bridge } = require(PACKAGE);

function providerFor(t) {
  const provider = new Provider('channels');
  t.after(() => provider.close());
  return provider;
}

test('a channel\'s name becomes a probe\'s', (t) => {
  const provider = providerFor(t);
  for (const [channel, name] of [
    ['http.server.request.start', 'http_server_request_start'],
    ['my-app:cart', 'my__app_cart'],
    ['7up', '_7up'],
    [Symbol('cart.saved'), 'cart_saved'],
  ]) assert.equal(bridge(provider, channel).probe.name, name);
  const named = bridge(provider, 'cart', { probe: 'other', signature: { id: Number } });
  assert.deepEqual([named.probe.name, named.probe.signature], ['other', 'int64 id']);
});

test('a bridge subscribes until it is stopped', (t) => {
  const { channel, stop } = bridge(providerFor(t), 'cart.subscribed');
  assert.equal(channel, channels.channel('cart.subscribed'));
  assert.equal(channel.hasSubscribers, true);
  channel.publish({ id: 1 });
  stop();
  assert.equal(channel.hasSubscribers, false);
});

test('with an interval, it subscribes only while somebody watches', (t) => {
  const { channel, stop } = bridge(providerFor(t), 'cart.lazy', { interval: 1 });
  assert.equal(channel.hasSubscribers, false);
  stop();
});

test('options that cannot be are errors, and declare nothing', (t) => {
  const provider = providerFor(t);
  assert.throws(() => bridge(provider, 'cart', { values: 7 }), { code: 'ERR_RST_INVALID', message: /values must be a function, not 7/ });
  for (const interval of [0, -1, NaN, '5']) {
    assert.throws(() => bridge(provider, 'cart', { interval }), { code: 'ERR_RST_RANGE', message: /interval must be/ });
  }
  assert.deepEqual(provider.probes, []);
});

async function watched(t, declare, act) {
  const program = script(t, `
    const channels = require('diagnostics_channel');
    const { Provider, bridge } = require(PACKAGE);
    const provider = new Provider('channels');
    const cart = channels.channel('cart.saved');
    process.on('warning', (warning) => say(warning.code, warning.message));
    ${declare}
    provider.load();
    say('ready');
    told(() => { ${act} });`);
  await program.line(/^ready$/);
  const tool = await watch(t, program.pid, 'channels:*', '--string-bytes', '1024');
  return { program, tool };
}

test('a tracer sees messages as JSON, as properties, or as a function makes them', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, tool } = await watched(t, `
    bridge(provider, 'cart.saved');
    bridge(provider, 'cart.saved', { probe: 'properties', signature: { id: Number, customer: String } });
    bridge(provider, 'cart.saved', {
      probe: 'made', signature: 'string all', values: (message, name) => [name + ' ' + message.id],
    });`, `
    cart.publish({ id: 7, customer: 'Ada' });
    const circular = { id: 8, customer: 'Grace' }; circular.self = circular;
    cart.publish(circular);`);
  program.tell('publish');
  const seen = await hits(tool, 6);
  assert.deepEqual(seen.map(({ probe, args }) => [probe, ...Object.values(args)]), [
    ['cart_saved', '{"id":7,"customer":"Ada"}'],
    ['properties', 7, 'Ada'],
    ['made', 'cart.saved 7'],
    ['cart_saved', '<ref *1> { id: 8, customer: \'Grace\', self: [Circular *1] }'],
    ['properties', 8, 'Grace'],
    ['made', 'cart.saved 8'],
  ]);
});

test('a message that does not fit is a warning, and harms no publisher', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, tool } = await watched(t, `
    bridge(provider, 'cart.saved', { probe: 'properties', signature: { id: Number } });`, `
    cart.publish({}); cart.publish(null); cart.publish({ id: 9 });`);
  program.tell('publish');
  assert.deepEqual((await hits(tool, 1))[0].args, { id: 9 });
  await program.line(/^RST_LAZY channels:properties was not fired .*argument 1 \(id\) must be an integer .*, not undefined$/);
});

test('with an interval, it subscribes when a tracer comes and leaves when it goes', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, tool } = await watched(t, `
    bridge(provider, 'cart.saved', { interval: 5 });
    let was = false;
    setInterval(() => {
      if (cart.hasSubscribers === was) return;
      was = cart.hasSubscribers;
      say('subscribed', was);
      cart.publish({ id: 7 });
    }, 1);`, '');
  await program.line(/^subscribed true$/);
  assert.deepEqual((await hits(tool, 1))[0].args, { message: '{"id":7}' });
  await leave(tool);
  await program.line(/^subscribed false$/);
});

test('Node\'s own channels can be watched: an HTTP server\'s requests', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, tool } = await watched(t, `
    const http = require('http');
    bridge(provider, 'http.server.request.start', {
      probe: 'request', signature: { method: String, url: String },
      values: ({ request }) => [request.method, request.url],
    });
    const server = http.createServer((request, response) => response.end('ok'));
    server.listen(0, '127.0.0.1');`, `
    http.get({ host: '127.0.0.1', port: server.address().port, path: '/cart', agent: false }, (response) => response.resume());`);
  program.tell('request');
  assert.deepEqual((await hits(tool, 1))[0].args, { method: 'GET', url: '/cart' });
});
