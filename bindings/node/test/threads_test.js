// SPDX-License-Identifier: MIT
'use strict';

// Worker threads: each has modules of its own, and a process has each probe once.

const { Worker } = require('worker_threads');
const { PACKAGE, assert, refused, test, tracingRefusal } = require('./support/testing');
const { hits, script, watch } = require('./support/program');
const { Provider } = require(PACKAGE);

/** Run a worker to its end; gives what it posted. */
function work(text, workerData) {
  return new Promise((resolve, reject) => {
    const posted = [];
    const worker = new Worker(`const { parentPort, workerData } = require('worker_threads');
      const { Provider } = require(${JSON.stringify(PACKAGE)});
      const say = (value) => parentPort.postMessage(value);
      ${text}`, { eval: true, workerData });
    worker.on('message', (value) => posted.push(value)).on('error', reject).on('exit', () => resolve(posted));
  });
}

test('a worker declares what the main thread has declared, and shares it', async (t) => {
  const provider = new Provider('shared');
  t.after(() => provider.close());
  const probe = provider.probe('probe', 'int32 a, string b');
  provider.load();
  const [path, again] = await work(`
    const provider = new Provider('shared');
    const probe = provider.probe('probe', ' int32 a,string b');
    provider.load();
    say(probe.path);
    try { provider.probe('probe', 'int32 a, string b'); } catch (error) { say(error.code); }`);
  assert.equal(path, probe.path);
  assert.equal(again, 'ERR_RST_EXISTS', 'in one thread, a probe is declared once');
});

test('another signature is an error', async (t) => {
  const provider = new Provider('shared');
  t.after(() => provider.close());
  provider.probe('probe', 'int32 a');
  const [said] = await work(`
    try { new Provider('shared').probe('probe', 'int32 b'); } catch (error) { say([error.code, error.message]); }`);
  assert.equal(said[0], 'ERR_RST_EXISTS');
  assert.match(said[1], /"shared:probe" exists already/);
});

test('what one thread unloads stays loaded for another', async (t) => {
  const provider = new Provider('shared');
  t.after(() => provider.close());
  const probe = provider.probe('probe');
  provider.load();
  const said = await work(`
    const provider = new Provider('shared');
    const probe = provider.probe('probe');
    provider.load();
    provider.unload();
    say([provider.loaded, probe.fire()]);
    provider.load();
    provider.close();`);
  assert.deepEqual(said, [[false, false]]);
  assert.deepEqual([provider.loaded, typeof probe.path], [true, 'string']);
});

test('a probe lives as long as a thread that has it', async () => {
  await work(`
    const provider = new Provider('worker');
    provider.probe('probe', 'int8');
    provider.load();`);
  const provider = new Provider('worker');
  assert.equal(provider.probe('probe', 'string').path, null, 'the worker\'s is gone');
  provider.close();
});

test('workers come, are terminated amid their fires, and go', async (t) => {
  const provider = new Provider('many');
  t.after(() => provider.close());
  const probe = provider.probe('probe', 'int32 a');
  provider.load();
  for (let round = 0; round < 5; round++) {
    const workers = [0, 1, 2].map(() => new Worker(`
      const { parentPort } = require('worker_threads');
      const { Provider } = require(${JSON.stringify(PACKAGE)});
      const provider = new Provider('many');
      const probe = provider.probe('probe', 'int32 a');
      provider.probe('own' + require('worker_threads').threadId);
      provider.load();
      parentPort.postMessage('firing');
      for (;;) { probe.fire(1); probe.fire(() => 2); }`, { eval: true }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => { worker.once('message', resolve); })));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  assert.ok(probe.path);
  assert.equal(probe.fire(1), false);
});

test('a tracer sees the fires of every thread by one probe', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const program = script(t, `
    const { Worker, isMainThread, threadId } = require('worker_threads');
    const text = \`
      const { parentPort, threadId } = require('worker_threads');
      const { Provider } = require(\${JSON.stringify(PACKAGE)});
      const provider = new Provider('threads');
      const probe = provider.probe('probe', 'int32 thread');
      provider.load();
      parentPort.on('message', () => { probe.fire(threadId); probe.fire(() => threadId); });
      parentPort.postMessage('ready');\`;
    const { Provider } = require(PACKAGE);
    const provider = new Provider('threads');
    const probe = provider.probe('probe', 'int32 thread');
    provider.load();
    const workers = [1, 2].map(() => new Worker(text, { eval: true }));
    let ready = 0;
    for (const worker of workers) worker.on('message', () => { ready += 1; if (ready === 2) say('ready'); });
    told(() => { probe.fire(0); workers.forEach((worker) => worker.postMessage('fire')); });`);
  await program.line(/^ready$/);
  const tool = await watch(t, program.pid, 'threads:probe');
  program.tell('fire');
  const threads = (await hits(tool, 5)).map(({ args }) => args.thread).sort();
  assert.equal(threads.filter((thread) => thread === 0).length, 1);
  assert.equal(new Set(threads).size, 3);
});

test('while watched, workers are terminated, and the program closes its provider', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const program = script(t, `
    const { Worker } = require('worker_threads');
    const { Provider } = require(PACKAGE);
    const text = \`
      const { parentPort } = require('worker_threads');
      const { Provider } = require(\${JSON.stringify(PACKAGE)});
      const provider = new Provider('threads');
      const probe = provider.probe('probe', 'string text');
      provider.load();
      while (!probe.enabled);
      parentPort.postMessage('watched');
      for (;;) probe.fire('x'.repeat(100));\`;
    const provider = new Provider('threads');
    const probe = provider.probe('probe', 'string text');
    provider.load();
    const worker = new Worker(text, { eval: true });
    worker.on('message', () => worker.terminate());
    worker.on('exit', () => { provider.close(); say('closed', probe.fire('x')); });
    say('ready');`);
  await program.line(/^ready$/);
  await watch(t, program.pid, 'threads:probe', '--count');
  await program.line(/^closed false$/);
  assert.equal(await program.end(), 0, String(program));
});
