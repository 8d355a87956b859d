// SPDX-License-Identifier: MIT
'use strict';

// Channels of diagnostics_channel as probes: one of the program's own, and one of Node's HTTP server.

const http = require('http');
const channels = require('diagnostics_channel');
const { Provider, bridge } = require('librst');

const provider = new Provider('channels');
bridge(provider, 'cart.saved', { signature: { id: Number, customer: String } });
bridge(provider, 'http.server.request.start', {
  probe: 'request',
  signature: { method: String, url: String },
  values: ({ request }) => [request.method, request.url],
  interval: 50, // subscribed only while somebody watches
});
provider.load();

const saved = channels.channel('cart.saved');
const server = http.createServer((request, response) => response.end('\n'));
let id = 0;

server.listen(0, '127.0.0.1', () => {
  setInterval(() => {
    id += 1;
    saved.publish({ id, customer: 'Ada' });
    http.get({ host: '127.0.0.1', port: server.address().port, path: `/cart/${id}`, agent: false }, (response) => response.resume());
  }, 100);
});
