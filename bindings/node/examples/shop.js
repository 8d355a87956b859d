// SPDX-License-Identifier: MIT
'use strict';

// A web shop whose requests can be watched, and customers who come while somebody watches.
//
//     node shop.js 40         # ends after 40 requests; 0: never

const http = require('http');
const { performance } = require('perf_hooks');
const { Provider } = require('librst');

const provider = new Provider('shop');
const request = provider.probe('request', {
  method: String, path: String, status: 'uint16', microseconds: Number,
});
provider.load();

// What there is, and how many milliseconds it takes.
const PAGES = { 'GET /': 1, 'GET /cart': 4, 'POST /checkout': 20 };
const VISIT = ['GET /', 'GET /cart', 'GET /', 'GET /cart', 'GET /sale', 'POST /checkout'];

const server = http.createServer((incoming, response) => {
  const start = performance.now();
  const takes = PAGES[`${incoming.method} ${incoming.url}`];
  setTimeout(() => {
    response.statusCode = takes === undefined ? 404 : 200;
    response.end('\n');
    request.fire(() => [
      incoming.method, incoming.url, response.statusCode, Math.round((performance.now() - start) * 1000),
    ]);
  }, takes ?? 0);
});

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(what) {
  const [method, path] = what.split(' ');
  return new Promise((resolve, reject) => {
    http.request({ agent, method, path, host: '127.0.0.1', port: server.address().port }, (response) => {
      response.resume().on('end', resolve);
    }).on('error', reject).end();
  });
}

const rest = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

async function shopWhileWatched(most) {
  while (!request.enabled) await rest(50);
  await rest(200); // the count rises a moment before bpftrace's program is there, and nothing says when
  for (let count = 0; most === 0 || count < most; count++) await ask(VISIT[count % VISIT.length]);
  await rest(100);
  process.exit();
}

server.listen(0, '127.0.0.1', () => {
  console.log(`process ${process.pid} has its probes in ${request.path}`);
  shopWhileWatched(Number(process.argv[2] ?? 0));
});
