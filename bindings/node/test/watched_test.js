// SPDX-License-Identifier: MIT
'use strict';

// What a tracer sees of a running program. tests/conformance holds the values of every type; these
// are JavaScript's own.

const { assert, installed, refused, test, tracingRefusal } = require('./support/testing');
const { Program, hits, leave, script, watch } = require('./support/program');

/** Run a script with a probe `live:probe`; when it is watched, it goes on at each line it is told. */
async function watched(t, signature, act, number, options) {
  const program = script(t, `
    const { Provider } = require(PACKAGE);
    const provider = new Provider('live');
    const probe = provider.probe('probe', ${JSON.stringify(signature)});
    provider.load();
    say('ready');
    told(() => { ${act} });`, options);
  await program.line(/^ready$/);
  const tool = await watch(t, program.pid, 'live:probe', '--string-bytes', '4096');
  program.tell('go');
  const seen = (await hits(tool, number)).map(({ args }) => args);
  return { program, tool, seen };
}

test('strings and Buffers show their bytes up to the first NUL', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { seen } = await watched(t, 'string text, string more', `
    probe.fire('Grüße', Buffer.from('bytes'));
    probe.fire('before\\0after', new Uint8Array([65, 66, 0, 67]));
    probe.fire('lone \\ud800', undefined);
    probe.fire('\\u{1f48e}'.repeat(300), 'é'.repeat(1500));
    probe.fire('x'.repeat(1023), Buffer.alloc(1500, 'y'));
    probe.fire('', Buffer.alloc(0));`, 6);
  assert.deepEqual(seen.map(Object.values), [
    ['Grüße', 'bytes'],
    ['before', 'AB'],
    ['lone \ufffd', ''],
    ['\u{1f48e}'.repeat(300), 'é'.repeat(1500)],
    ['x'.repeat(1023), 'y'.repeat(1500)],
    ['', ''],
  ]);
});

test('a pointer is a Buffer\'s memory, which a tracer can read', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { seen } = await watched(t, 'pointer body', `
    probe.fire(Buffer.from('0123456789').subarray(3));
    probe.fire(4096n);
    probe.fire(null);`, 3);
  assert.ok(seen[0].body > 4096, `${seen[0].body}`);
  assert.deepEqual([seen[1].body, seen[2].body], [4096, 0]);
});

test('bpftrace reads a Buffer\'s bytes by its address', async (t) => {
  if (refused(t, tracingRefusal() ?? (installed('bpftrace') ? undefined : 'bpftrace is not installed'))) return;
  const program = script(t, `
    const { Provider } = require(PACKAGE);
    const provider = new Provider('live', { backing: 'file' });
    const body = provider.probe('body', { body: Buffer, size: Number });
    provider.load();
    say(body.path);
    setInterval(() => body.fire(Buffer.from('GET /cart').subarray(4), 5), 5);`);
  const [path] = await program.line(/^\/.*/);
  const tool = new Program(t, 'bpftrace', [
    '-p', String(program.pid), '-e', `usdt:${path}:live:body { printf("%r, %d bytes\\n", buf(arg0, arg1), arg1); exit(); }`,
  ]);
  await tool.line(/^\/cart, 5 bytes$/);
});

test('a function runs while somebody watches, with what else it is given', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, seen } = await watched(t, 'int32 a, string b', `
    say(probe.enabled, probe.fire(() => [1, 'list']), probe.fire((a, b) => [a, b], 2, 'given'));
    say(probe.fire(function () { return [3, String(this)]; }));`, 3);
  assert.deepEqual(seen.map(Object.values), [[1, 'list'], [2, 'given'], [3, 'live:probe']]);
  await program.line(/^true true true$/);
});

test('a function gives one value for one argument, and none for none', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const one = await watched(t, 'string b', 'probe.fire(() => "one");', 1);
  assert.deepEqual(one.seen, [{ b: 'one' }]);
  const none = await watched(t, '', 'probe.fire(() => {}); probe.fire();', 2);
  assert.deepEqual(none.seen, [{}, {}]);
});

test('a function\'s errors are said once, and do not reach the program', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, tool } = await watched(t, 'int8 a', `
    process.on('warning', (warning) => say(warning.name, warning.code, warning.message));
    say(probe.fire(() => { throw new Error('no such cart'); }), probe.fire(() => null.x));
    say(probe.fire(() => 128), probe.fire(async () => 1), probe.fire(() => []));
    probe.fire(1);`, 1);
  await program.line(/^false false$/);
  await program.line(/^false false false$/);
  await program.line(/^ProbeWarning RST_LAZY live:probe was not fired \(said once\): no such cart$/);
  await leave(tool);
  assert.equal(await program.end(), 0, String(program));
  assert.equal(program.lines.filter((line) => line.startsWith('ProbeWarning')).length, 1, String(program));
});

for (const [what, fired, words] of [
  ['a wrong value', 'probe.fire(() => 128)', /argument 1 \(a\) must be an integer from -128 to 127, not 128/],
  ['an async function', 'probe.fire(async () => 1)', /must be an integer from -128 to 127, not a Promise/],
  ['what is no Error', 'probe.fire(() => { throw "a string"; })', /its function threw a string/],
  ['what has no text', 'probe.fire(() => { throw Object.create(null); })', /its function threw an object/],
  ['an Error without a text', 'probe.fire(() => { throw Object.assign(new Error(), { message: Symbol() }); })', /threw an object/],
]) {
  test(`the warning names ${what}`, async (t) => {
    if (refused(t, tracingRefusal())) return;
    const { program } = await watched(t, 'int8 a', `${fired}; probe.fire(1);`, 1);
    await program.error(words);
  });
}

test('values that do not fit are errors while somebody watches, too, and are not fired', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, seen } = await watched(t, 'int8 a', `
    try { probe.fire(128); } catch (error) { say(error.code); }
    try { probe.fire(); } catch (error) { say(error.code); }
    probe.fire(7);`, 1);
  assert.deepEqual(seen, [{ a: 7 }]);
  await program.line(/^ERR_RST_RANGE$/);
  await program.line(/^ERR_RST_ARITY$/);
});

test('an exit in a function ends the program', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program } = await watched(t, 'int8 a', 'probe.fire(1); probe.fire(() => process.exit(3));', 1);
  assert.equal(await program.ended, 3);
});

test('twelve values of twelve types', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const signature = 'bool a, int8 b, uint8 c, int16 d, uint16 e, int32 f, uint32 g, int64 h, uint64 i, float j, double k, string l';
  const { seen } = await watched(t, signature, `
    probe.fire(true, -128, 255, -32768, 65535, -(2 ** 31), 2 ** 32 - 1, -(2n ** 53n), 7n, 0.5, -0.25, 'twelfth');`, 1);
  assert.deepEqual(Object.values(seen[0]), [
    true, -128, 255, -32768, 65535, -(2 ** 31), 2 ** 32 - 1, -(2 ** 53), 7, 0.5, -0.25, 'twelfth',
  ]);
});
