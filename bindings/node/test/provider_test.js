// SPDX-License-Identifier: MIT
'use strict';

// Providers: names, loads, unloads, ends, and where the probes are.

const fs = require('fs');
const path = require('path');
const { PACKAGE, assert, directory, test } = require('./support/testing');
const { script } = require('./support/program');
const librst = require(PACKAGE);

const { Provider } = librst;

function closing(t, name, options) {
  const provider = new Provider(name, options);
  t.after(() => provider.close());
  return provider;
}

function mapped() {
  return fs.readFileSync('/proc/self/maps', 'latin1').split('\n').filter((line) => /librst-/.test(line)).length;
}

test('the package says what it is', () => {
  assert.deepEqual(Object.keys(librst).sort(), ['Probe', 'Provider', 'bridge', 'guard', 'version']);
  assert.equal(librst.guard, 'memory');
  assert.equal(librst.version, JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'))).version);
});

test('a probe can be found while its provider is loaded', (t) => {
  const provider = closing(t, 'shop');
  const probe = provider.probe('checkout', { order: 'uint64', customer: String });
  assert.deepEqual([provider.name, provider.loaded, probe.path], ['shop', false, null]);
  assert.equal(provider.load(), true);
  assert.match(probe.path, new RegExp(`^/proc/${process.pid}/fd/\\d+$`));
  assert.equal(provider.loaded, true);
  provider.unload();
  provider.unload();
  assert.deepEqual([provider.loaded, probe.path, probe.fire(1, 'Ada')], [false, null, false]);
  assert.equal(provider.load(), true);
  assert.ok(probe.path);
});

test('a probe says its names and its signature', (t) => {
  const provider = closing(t, 'shop');
  const probe = provider.probe('checkout', ' uint64  order,string');
  assert.ok(probe instanceof librst.Probe);
  assert.equal(String(probe), 'shop:checkout');
  assert.deepEqual({ ...probe }, { name: 'checkout', signature: 'uint64 order, string' });
  assert.equal(probe.provider, provider);
  assert.deepEqual(provider.probes, [probe]);
  assert.throws(() => { 'use strict'; probe.name = 'other'; }, TypeError);
});

test('a probe that is declared after a load is found after the next', (t) => {
  const provider = closing(t, 'shop');
  provider.probe('first');
  provider.load();
  const second = provider.probe('second');
  assert.equal(second.path, null);
  provider.load();
  assert.ok(second.path);
});

test('names and signatures that cannot be are errors that quote them', (t) => {
  const provider = closing(t, 'shop');
  provider.probe('taken');
  for (const [act, code, words] of [
    [() => new Provider('my shop'), 'INVALID', /"my shop"/],
    [() => new Provider('shop\0x'), 'INVALID', /"shop\?x"/],
    [() => new Provider(7), 'INVALID', /a provider's name must be a string, not 7/],
    [() => new Provider(), 'INVALID', /not undefined/],
    [() => provider.probe('check out'), 'INVALID', /"check out"/],
    [() => provider.probe(Symbol('s')), 'INVALID', /a probe's name must be a string, not a symbol/],
    [() => provider.probe('a', 'integer a'), 'INVALID', /"integer"/],
    [() => provider.probe('a', Array(13).fill('int8')), 'INVALID', /13 arguments|12/],
    [() => provider.probe('taken'), 'EXISTS', /"shop:taken" exists already/],
    [() => new Provider('shop').probe('taken', 'int8'), 'EXISTS', /"shop:taken" exists already/],
    [() => new Provider('shop', { backing: 'disk' }), 'INVALID', /'auto', 'memfd' or 'file', not "disk"/],
    [() => new Provider('shop', { directory: 7 }), 'INVALID', /directory must be a string, not 7/],
    [() => new Provider('other', { backing: 'file', directory: 'tmp' }), 'INVALID', /"tmp"/],
  ]) {
    assert.throws(act, (error) => {
      assert.equal(error.code, `ERR_RST_${code}`, String(error));
      assert.match(error.message, words);
      return true;
    });
  }
  assert.throws(() => new librst.Probe(), /a Probe is made by Provider\.probe\(\)/);
});

test('a closed provider is gone, and its probes are safe to fire', () => {
  const before = mapped();
  const provider = new Provider('gone');
  const probe = provider.probe('probe', 'int32 a');
  provider.load();
  assert.ok(mapped() > before);
  provider.close();
  provider.close();
  assert.equal(mapped(), before);
  assert.deepEqual([probe.path, probe.enabled, probe.fire(1), probe.fire(() => 1)], [null, false, false, false]);
  assert.throws(() => probe.fire('x'), { code: 'ERR_RST_TYPE' });
  assert.equal(provider.loaded, false);
  provider.unload();
  for (const act of [() => provider.load(), () => provider.probe('more')]) {
    assert.throws(act, { code: 'ERR_RST_CLOSED', message: 'provider gone is closed; make a new one' });
  }
});

test('a closed provider\'s names are free, also for another signature', () => {
  for (let life = 0; life < 300; life++) {
    const provider = new Provider('lives');
    const probe = provider.probe('probe', Array(life % 13).fill('int8'));
    provider.load();
    assert.ok(probe.path);
    provider.close();
  }
  assert.equal(mapped(), 0, 'each life took its memory with it');
});

test('a provider that nobody refers to stays, with its probes', async (t) => {
  const program = script(t, `
    const fs = require('fs');
    const { Provider } = require(PACKAGE);
    const mapped = () => /librst-forgotten/.test(fs.readFileSync('/proc/self/maps', 'latin1'));
    (() => { const provider = new Provider('forgotten'); provider.probe('probe'); provider.load(); })();
    for (let i = 0; i < 3; i++) gc();
    setImmediate(() => { gc(); say(mapped()); });`, { options: ['--expose-gc'] });
  await program.line(/^true$/);
  assert.equal(await program.end(), 0, String(program));
});

test('`using` closes a provider', { skip: Symbol.dispose === undefined && 'this Node has no Symbol.dispose' }, () => {
  const provider = new Provider('used');
  provider[Symbol.dispose]();
  assert.throws(() => provider.load(), { code: 'ERR_RST_CLOSED' });
});

test('a file is where it is asked for, and goes with the program', async (t) => {
  const home = directory(t);
  const program = script(t, `
    const { Provider } = require(PACKAGE);
    const provider = new Provider('filed', { backing: 'file', directory: ${JSON.stringify(home)} });
    const probe = provider.probe('probe');
    provider.load();
    say(probe.path);
    told(() => process.exit());`);
  const [file] = await program.line(/^\/.*/);
  assert.ok(file.startsWith(`${home}/librst-`), file);
  assert.ok(fs.existsSync(file));
  program.tell('exit');
  assert.equal(await program.ended, 0);
  assert.ok(!fs.existsSync(file));
  fs.rmSync(path.dirname(file), { recursive: true, force: true });
});

test('a load that fails says why, and leaves the program as it was', async (t) => {
  const program = script(t, `
    const { Provider } = require(PACKAGE);
    const provider = new Provider('failing', { backing: 'file', directory: '/proc/self' });
    const probe = provider.probe('probe', 'int8');
    try { provider.load(); } catch (error) { say(error.code, error.message); }
    say(probe.fire(1), probe.path, provider.loaded);
    process.env.RST_BACKING = 'tape';
    try { provider.load(); } catch (error) { say(error.code, error.message); }`);
  await program.line(/^ERR_RST_SYSTEM mkdir "\/proc\/\d+\/librst-\d+": No such file/);
  await program.line(/^false null false$/);
  await program.line(/^ERR_RST_INVALID .*"tape" is not/);
  assert.equal(await program.end(), 0, String(program));
});

test('wrong numbers and values harm nothing in the compiled part', () => {
  const { native } = require(`${PACKAGE}/lib/native`);
  const provider = native.provider('numbers', 0, undefined);
  const probe = native.probe(provider, 'probe', 'string a, pointer b, double c, bool d, int8 e');
  native.load(provider);
  for (const wrong of [-1, 999, 'x', undefined, {}, Symbol('s')]) {
    for (const name of ['load', 'loaded', 'enabled', 'fire']) assert.equal(native[name](wrong), false, name);
    for (const name of ['unload', 'close', 'signature', 'path']) assert.equal(native[name](wrong), undefined, name);
    assert.equal(native.probe(wrong, 'probe', ''), undefined);
    assert.deepEqual(new Uint32Array(native.semaphore(wrong)), new Uint32Array(1));
    assert.equal(native.fire(probe, wrong, wrong, wrong), false);
  }
  assert.equal(native.fire(probe, ...Array(20).fill(1)), false);
  native.close(provider, ['no buffer']); // which can't be detached, so the memory stays
  assert.equal(native.loaded(provider), false);
  assert.ok(native.signature(probe));
  native.close(provider, []);
  assert.equal(native.signature(probe), undefined);
});

test('RST_DISABLE loads nothing', async (t) => {
  const program = script(t, `
    const { Provider } = require(PACKAGE);
    const provider = new Provider('off');
    const probe = provider.probe('probe', 'int8');
    say(provider.load(), provider.loaded, probe.path, probe.enabled, probe.fire(1));
    try { probe.fire(128); } catch (error) { say(error.code); }`, { env: { RST_DISABLE: '1' } });
  await program.line(/^false false null false false$/);
  await program.line(/^ERR_RST_RANGE$/);
});
