// SPDX-License-Identifier: MIT
'use strict';

// Child processes, cluster, and ends of every kind.

const { PACKAGE, assert, directory, refused, test, tracingRefusal } = require('./support/testing');
const { Program, hits, script, watch } = require('./support/program');
const fs = require('fs');
const path = require('path');

function write(t, text) {
  const file = path.join(directory(t), 'program.js');
  fs.writeFileSync(file, `const { Provider } = require(${JSON.stringify(PACKAGE)});\n${text}`);
  return file;
}

test('the workers of a cluster have probes of their own, and a tracer sees both', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const file = write(t, `
    const cluster = require('cluster');
    const provider = new Provider('cluster');
    const probe = provider.probe('probe', 'int32 pid');
    provider.load();
    if (cluster.isPrimary) {
      const workers = [cluster.fork(), cluster.fork()];
      const pids = [];
      cluster.on('message', (worker, pid) => {
        if (pids.push(pid) === 2) console.log('ready', probe.path, ...pids);
      });
      process.stdin.on('data', () => workers.forEach((worker) => worker.send('fire')))
        .on('end', () => workers.forEach((worker) => worker.disconnect()));
    } else {
      process.send(process.pid);
      process.on('message', () => probe.fire(process.pid));
    }`);
  const program = new Program(t, process.execPath, [file]);
  const [, own, ...pids] = await program.line(/^ready \/proc\/(\d+)\/fd\/\d+ (\d+) (\d+)$/);
  assert.equal(Number(own), program.pid);
  const tool = await watch(t, pids[0], '-p', pids[1], 'cluster:probe');
  program.tell('fire');
  const seen = await hits(tool, 2);
  assert.deepEqual(seen.map(({ args }) => args.pid).sort(), pids.map(Number).sort());
  assert.equal(await program.end(), 0, String(program));
});

test('a child process starts afresh', async (t) => {
  const file = write(t, `
    const provider = new Provider('parent');
    const probe = provider.probe('probe');
    provider.load();
    if (process.send) process.send(probe.path.split('/')[2] === String(process.pid));
    else {
      require('child_process').fork(__filename).on('message', (own) => console.log('own', own))
        .on('exit', (status) => console.log('ended', status)).on('message', function () { this.disconnect(); });
    }`);
  const program = new Program(t, process.execPath, [file]);
  await program.line(/^own true$/);
  await program.line(/^ended 0$/);
  assert.equal(await program.end(), 0, String(program));
});

// However it ends, it ends as it would have without probes.
for (const [what, act, status] of [
  ['by itself', '', 0],
  ['by process.exit()', 'process.exit(3);', 3],
  ['by an error', 'throw new Error("no such cart");', 1],
  ['by a rejection', 'Promise.reject(new Error("no such cart"));', 1],
  ['by a signal', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);', 'SIGTERM'],
  ['by process.abort()', 'process.abort();', 'SIGABRT'],
  ['after its provider', 'provider.close(); gc(); probe.fire(1);', 0],
  ['with a worker that fires', `new (require('worker_threads').Worker)(\`
      const { Provider } = require(\${JSON.stringify(PACKAGE)});
      const provider = new Provider('ends'); const probe = provider.probe('probe', 'int8 a'); provider.load();
      require('worker_threads').parentPort.postMessage(1);
      for (;;) probe.fire(1);\`, { eval: true }).on('message', () => process.exit(4));`, 4],
]) {
  test(`a program ends ${what}`, async (t) => {
    const program = script(t, `
      const { Provider } = require(PACKAGE);
      const provider = new Provider('ends', { backing: 'memfd' });
      const probe = provider.probe('probe', 'int8 a');
      provider.load();
      probe.fire(1);
      process.on('exit', () => { probe.fire(1); say('exit', provider.loaded); });
      ${act}`, { options: ['--expose-gc'] });
    program.process.stdin.end();
    assert.equal(await program.ended, status, String(program));
  });
}
