// SPDX-License-Identifier: MIT
'use strict';

// The interface of dtrace-provider, and packages that use it, unmodified.

const fs = require('fs');
const path = require('path');
const { PACKAGE, RST, assert, refused, skip, test, tracingRefusal } = require('./support/testing');
const { Program, hits, script, watch } = require('./support/program');

const { createDTraceProvider, DTraceProbe, DTraceProvider } = require(`${PACKAGE}/dtrace-provider`);

// Where packages are that were written for it: Debian's, and those that RST_NODE_PEERS names.
const DEBIAN = '/usr/share/nodejs';
const PEERS = process.env.RST_NODE_PEERS;

test('a provider has its probes as properties, and nobody sees them', () => {
  const provider = createDTraceProvider('nodeapp');
  const probe = provider.addProbe('probe1', 'int', 'char *', 'json');
  assert.ok(provider instanceof DTraceProvider);
  assert.ok(probe instanceof DTraceProbe);
  assert.equal(provider.probe1, probe);
  probe.dtp = provider; // as bunyan does
  const never = () => assert.fail('it ran');
  for (const enabled of [false, true, false]) {
    if (enabled) provider.enable();
    else provider.disable();
    assert.equal(probe.fire(never, 1), undefined);
    assert.equal(provider.fire('probe1', never), undefined);
  }
  assert.equal(provider.fire('other', never), undefined);
  assert.equal(provider.removeProbe(probe), true);
  assert.equal(provider.probe1, undefined);
  assert.equal(probe.fire(never), undefined);
  assert.throws(() => provider.removeProbe(probe), /the provider has no such probe/);
});

test('what is no provider, probe or callback is a TypeError', () => {
  const provider = createDTraceProvider('nodeapp', 'module');
  const probe = provider.addProbe('probe2');
  for (const act of [
    () => createDTraceProvider(),
    () => createDTraceProvider('nodeapp', 7),
    () => probe.fire(),
    () => probe.fire([1]),
    () => provider.fire('probe2'),
    () => provider.fire(7, () => []),
  ]) assert.throws(act, { name: 'TypeError', message: /^Must give / });
});

async function watched(t, declare, act, number, what = 'nodeapp:*') {
  const program = script(t, `
    const d = require(PACKAGE + '/dtrace-provider');
    process.on('warning', (warning) => say(warning.name, warning.code, warning.message));
    ${declare}
    setImmediate(() => say('ready'));
    told(() => { ${act} });`);
  await program.line(/^ready$/);
  const tool = await watch(t, program.pid, what);
  program.tell('go');
  const seen = (await hits(tool, number)).map(({ probe, args }) => [probe, ...Object.values(args)]);
  return { program, seen };
}

test('values are converted as they are there', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, seen } = await watched(t, `
    const provider = d.createDTraceProvider('node-app');
    const probe = provider.addProbe('log-info', 'int', 'char *', 'json', 'unknown');
    provider.enable();`, `
    const circular = {}; circular.self = circular;
    say(probe.fire(() => [-7, 'text', { a: [1] }, 8]));
    say(probe.fire((a, b) => [a, b], '7.9', null));
    say(provider.fire('log-info', function (a) { return [2n ** 64n - 1n, this === probe, circular, a]; }, 'given'));
    say(probe.fire(() => 'no array'));
    say(probe.fire(() => [{}, Symbol('s')]));
    say(probe.fire(() => { throw new Error('no such cart'); }));
    probe.fire(() => []);`, 5, 'node__app:log__info');
  assert.deepEqual(seen.map(([, ...values]) => values), [
    [-7, 'text', '{"a":[1]}', '8'],
    [7, 'null', 'undefined', 'undefined'],
    [-1, 'true', '{ "error": "stringify failed" }', 'given'],
    [0, 'Symbol(s)', 'undefined', 'undefined'],
    [0, 'undefined', 'undefined', 'undefined'],
  ]);
  await program.line(/^ProbeWarning RST_DTRACE node__app:log__info was not fired \(said once\): no such cart$/);
  const gave = program.lines.filter((line) => /^(true|undefined)$/.test(line));
  assert.deepEqual(gave, ['true', 'true', 'true', 'undefined', 'true', 'undefined']);
});

test('a callback may throw what has no text', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program } = await watched(t, `
    const probe = d.createDTraceProvider('nodeapp').addProbe('probe', 'int');
    const other = d.createDTraceProvider('nodeapp');
    other.enable();`, `
    probe.fire(() => { throw Object.create(null); });
    probe.fire(() => [1]);`, 1);
  await program.line(/^ProbeWarning RST_DTRACE nodeapp:probe was not fired .*: its function threw an object$/);
});

test('two copies of a package share their probes', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, seen } = await watched(t, `
    const providers = [1, 2, 3].map(() => d.createDTraceProvider('nodeapp'));
    const probes = providers.slice(0, 2).map((provider) => provider.addProbe('same', 'int'));
    const other = providers[2].addProbe('same', 'json');
    providers.forEach((provider) => provider.enable());
    providers[0].disable();`, `
    for (const [index, probe] of [...probes, other].entries()) say(probe.fire(() => [index]));`, 2);
  assert.deepEqual(seen, [['same', 0], ['same', 1]]);
  await program.line(/^ProbeWarning RST_DTRACE a probe does nothing: .*"nodeapp:same" exists already/);
  await program.line(/^undefined$/);
});

test('probes that are added to an enabled provider are there, all at once', async (t) => {
  if (refused(t, tracingRefusal())) return;
  const { program, seen } = await watched(t, `
    const provider = d.createDTraceProvider('nodeapp');
    provider.enable();
    const routes = [...Array(50).keys()].map((n) => provider.addProbe('route-' + n, 'int'));
    setImmediate(() => say('images', new Set(require('fs').readFileSync('/proc/self/maps', 'latin1').match(/^.* (\\d+) +.memfd:librst-.*$/mg).map((line) => line.split(/ +/)[4])).size));`, `
    routes.forEach((route, n) => route.fire(() => [n]));`, 50);
  assert.deepEqual(seen.map(([, n]) => n), [...Array(50).keys()]);
  await program.line(/^images 1$/);
});

test('the first twelve of more arguments are seen, and the load that fails is a warning', async (t) => {
  const program = script(t, `
    const d = require(PACKAGE + '/dtrace-provider');
    process.on('warning', (warning) => say(warning.code, warning.message));
    const provider = d.createDTraceProvider('nodeapp');
    provider.addProbe('wide', ...Array(13).fill('int'));
    process.env.RST_BACKING = 'tape';
    provider.enable();`);
  await program.line(/^RST_DTRACE probe wide has 13 arguments, of which tracers see the first 12$/);
  await program.line(/^RST_DTRACE probes do nothing: .*"tape"/);
  assert.equal(await program.end(), 0, String(program));
});

// ------------------------------------------------------------------------- real packages --

/** What rst trace shows of a program that logs by bunyan, unmodified, when it is told to. */
async function bunyan(t, home, options) {
  const program = script(t, `
    const bunyan = require(${JSON.stringify(path.join(home, 'bunyan'))});
    const log = bunyan.createLogger({ name: 'shop', level: 'fatal' });
    say('ready');
    told(() => { log.info({ order: 7 }, 'checkout by %s', 'Ada'); log.debug('quiet'); });`, options);
  await program.line(/^ready$/);
  return program;
}

for (const [whose, home, lacking] of [
  ['Debian\'s bunyan', DEBIAN, 'Debian\'s node-bunyan is not installed'],
  ['npm\'s bunyan', PEERS, undefined],
]) {
  test(`${whose}, unmodified, has live probes: also of levels that are not logged`, async (t) => {
    if (home === undefined) return skip(t, 'RST_NODE_PEERS names no node_modules directory with bunyan');
    const there = fs.existsSync(path.join(home, 'bunyan'));
    if (home === PEERS) assert.ok(there, `there is no bunyan in ${PEERS}`);
    if (refused(t, tracingRefusal() ?? (there ? undefined : lacking))) return undefined;
    const program = await bunyan(t, home, { options: ['--require', `${PACKAGE}/dtrace-provider/register.js`] });
    const tool = await watch(t, program.pid, 'bunyan:*', '--string-bytes', '1024');
    program.tell('log');
    const seen = await hits(tool, 2);
    assert.deepEqual(seen.map(({ probe }) => probe), ['log__info', 'log__debug']);
    const [info, debug] = seen.map(({ args }) => JSON.parse(Object.values(args)[0]));
    assert.deepEqual([info.msg, info.order, info.level, debug.msg], ['checkout by Ada', 7, 30, 'quiet']);
    assert.ok(!program.lines.some((line) => /checkout/.test(line)), 'the log has it, too');
    return undefined;
  });
}

test('without register, Debian\'s bunyan has no probes: its dtrace-provider is a stub', async (t) => {
  const there = fs.existsSync(path.join(DEBIAN, 'bunyan'));
  if (refused(t, tracingRefusal() ?? (there ? undefined : 'Debian\'s node-bunyan is not installed'))) return;
  const program = await bunyan(t, DEBIAN, {});
  const list = new Program(t, RST, ['list', '-p', String(program.pid), 'bunyan:*']);
  assert.notEqual(await list.end(), 0, String(list));
});
