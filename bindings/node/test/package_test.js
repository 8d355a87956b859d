// SPDX-License-Identifier: MIT
'use strict';

// The package: what it has, what it is where there is no compiled part, and that npm installs it.

const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { PACKAGE, assert, directory, installed, skip, test } = require('./support/testing');
const { script } = require('./support/program');

const SOURCE = path.dirname(__dirname);
const PEERS = process.env.RST_NODE_PEERS;

function stage(to) {
  execFileSync(process.execPath, [path.join(SOURCE, 'native/stage.js'), to]);
  return to;
}

test('import gives the same objects as require', () => {
  const text = `
    import librst, { Provider, Probe, bridge, guard, version } from ${JSON.stringify(`${PACKAGE}/lib/index.mjs`)};
    import { createRequire } from 'module';
    const required = createRequire(import.meta.url)(${JSON.stringify(PACKAGE)});
    const named = { Probe, Provider, bridge, guard, version };
    for (const name of Object.keys(required)) if (required[name] !== named[name]) console.log(name);
    console.log(librst === required);`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8', cwd: PACKAGE });
  assert.equal(said, 'true\n');
});

test('without a compiled part, probes check what they are told, and do nothing', async (t) => {
  const home = stage(path.join(directory(t), 'package'));
  const program = script(t, `
    const { Provider, bridge, guard } = require(${JSON.stringify(home)});
    process.on('warning', (warning) => say(warning.name, warning.code, warning.message));
    const provider = new Provider('shop', { backing: 'file' });
    const probe = provider.probe('checkout', ' uint64  order,string');
    say(guard, probe.signature, provider.load(), provider.loaded, probe.path, probe.enabled, probe.fire(1, 'x'));
    say(probe.fire(() => say('it ran')));
    const refused = (act) => { try { act(); say('taken'); } catch (error) { say(error.code); } };
    refused(() => probe.fire(-1, 'x'));
    for (const name of ['', 'my shop', '7up', 'x'.repeat(59)]) refused(() => new Provider(name));
    for (const [name, signature] of [['1st', ''], ['x'.repeat(128), ''], ['a', 'integer'], ['a', 'int8 a int8 b'],
      ['a', 'int8 a,'], ['a', 'int8 a, int8 a'], ['a', 'int8 7'], ['a', Array(13).fill('int8')]]) refused(() => provider.probe(name, signature));
    refused(() => new Provider('shop').probe('checkout'));
    bridge(provider, 'cart').stop();
    provider.unload();
    provider.close();
    refused(() => new Provider('shop').probe('checkout'));
    const d = require(${JSON.stringify(`${home}/dtrace-provider`)}).createDTraceProvider('app');
    const p = d.addProbe('p', 'int');
    d.enable();
    say(p.fire(() => [1]));`);
  assert.equal(await program.end(), 0, String(program));
  const invalid = 'ERR_RST_INVALID';
  assert.deepEqual(program.lines, [
    'none uint64 order, string false false null false false', 'false', 'ERR_RST_RANGE', ...Array(4).fill(invalid),
    ...Array(8).fill(invalid), 'ERR_RST_EXISTS', 'taken', 'undefined',
    'ProbeWarning RST_ABSENT probes do nothing: it is not compiled; "npm rebuild librst" compiles it and says why not',
  ]);
});

test('a compiled part that cannot be loaded is a warning that says why', async (t) => {
  const home = stage(path.join(directory(t), 'package'));
  fs.mkdirSync(path.join(home, 'build/Release'), { recursive: true });
  fs.writeFileSync(path.join(home, 'build/Release/rst.node'), 'not a library');
  const program = script(t, `say(require(${JSON.stringify(home)}).guard);`);
  await program.line(/^none$/);
  await program.error(/ProbeWarning: probes do nothing: .*(invalid ELF header|file too short)/);
});

test('where it cannot be compiled, npm installs it all the same', (t) => {
  const home = stage(path.join(directory(t), 'package'));
  const failing = spawnSync(process.execPath, ['native/build.js', '--install'], {
    cwd: home, encoding: 'utf8', env: { ...process.env, CC: '/nonexistent/cc' },
  });
  assert.equal(failing.status, 0, failing.stderr);
  assert.match(failing.stderr, /^librst: not compiled, so its probes will do nothing: node-gyp failed/m);
  const strict = spawnSync(process.execPath, ['native/build.js'], {
    cwd: home, encoding: 'utf8', env: { ...process.env, CC: '/nonexistent/cc' },
  });
  assert.equal(strict.status, 1);
});

test('what node warns of does not keep it from being compiled', (t) => {
  const home = stage(path.join(directory(t), 'package'));
  const [, command] = fs.readFileSync(path.join(SOURCE, 'binding.gyp'), 'utf8').match(/<!@\((.*)\)/);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '/nonexistent/certificates' };
  const warned = spawnSync(process.execPath, ['-e', ''], { encoding: 'utf8', env });
  assert.match(warned.stderr, /nonexistent/);
  const { status, stdout, stderr } = spawnSync(command, { cwd: home, encoding: 'utf8', env, shell: true });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^src\/error\.c$/m);
});

test('npm packs and installs it, without a network, and it works there', { timeout: 100000 }, (t) => {
  if (!installed('npm')) {
    skip(t, 'npm is not installed');
    return;
  }
  const home = directory(t);
  const npm = (...args) => execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund', `--cache=${home}/cache`], {
    cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
  });
  stage(path.join(home, 'package'));
  npm('pack', './package');
  fs.writeFileSync(path.join(home, 'package.json'), '{ "private": true }');
  npm('install', './librst-0.1.0.tgz');
  const text = `
    const { Provider, guard } = require('librst');
    require('librst/dtrace-provider/register');
    const provider = new Provider('installed');
    const probe = provider.probe('probe');
    console.log(guard, provider.load(), typeof probe.path, require('dtrace-provider') === require('librst/dtrace-provider'));`;
  assert.equal(execFileSync(process.execPath, ['-e', text], { cwd: home, encoding: 'utf8' }), 'memory true string true\n');
});

test('the package has every file that it is made of, and no other', () => {
  const said = execFileSync(process.execPath, [path.join(SOURCE, 'native/stage.js')], { encoding: 'utf8' });
  const names = said.trim().split('\n').map((name) => path.relative(SOURCE, name));
  const sources = execFileSync(process.execPath, [path.join(SOURCE, 'native/sources.js')], { encoding: 'utf8' }).trim().split('\n');
  for (const name of [...sources, 'binding.gyp', 'include/rst.h', 'README.md', 'LICENSE']) assert.ok(names.includes(name), name);
  assert.deepEqual(names.filter((name) => /test|benchmark|example|\/cli\//.test(name)), []);
});

// ------------------------------------------------------------------------ declarations --

/** The members of a class, without what is private to it. */
function members(Class) {
  return Object.getOwnPropertyNames(Class.prototype).sort();
}

test('the declarations name what there is, and nothing else', () => {
  const librst = require(PACKAGE);
  const dtrace = require(`${PACKAGE}/dtrace-provider`);
  for (const [file, exported] of [['lib/index.d.ts', librst], ['dtrace-provider/index.d.ts', dtrace]]) {
    const text = fs.readFileSync(path.join(SOURCE, file), 'utf8').replace(/\/\*\*[^]*?\*\//g, '');
    const declared = [...text.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(declared.sort(), Object.keys(exported).sort(), file);
    for (const [, name, body] of text.matchAll(/^export class (\w+) \{\n([^]*?)^\}/gm)) {
      const words = new Set([...body.matchAll(/^ {2}(?:readonly |private )?(\w+)\b/gm)].map(([, word]) => word));
      for (const member of members(exported[name])) assert.ok(words.has(member), `${file} lacks ${name}.${member}`);
    }
  }
});

test('TypeScript takes the declarations', (t) => {
  const tsc = PEERS && path.join(PEERS, 'typescript/bin/tsc');
  if (!tsc || !fs.existsSync(tsc)) {
    skip(t, 'RST_NODE_PEERS names no node_modules directory with typescript');
    return;
  }
  const home = directory(t);
  fs.mkdirSync(path.join(home, 'node_modules/@types'), { recursive: true });
  fs.symlinkSync(PACKAGE, path.join(home, 'node_modules/librst'));
  for (const name of ['@types/node', 'undici-types']) {
    fs.symlinkSync(path.join(PEERS, name), path.join(home, 'node_modules', name));
  }
  const text = `
    import librst, { Provider, bridge, guard, type Value } from 'librst';
    import { createDTraceProvider } from 'librst/dtrace-provider';
    const shop = new Provider('shop', { backing: 'file' });
    const checkout = shop.probe('checkout', { order: Number, customer: String, body: Buffer, code: 'uint8' });
    const fired: boolean = checkout.fire(1n, 'Ada', Buffer.alloc(3), 7);
    checkout.fire((order: number) => [order, null] as Value[], 7);
    const path: string | null = checkout.path;
    bridge(shop, 'cart', { signature: ['int8', Boolean], values: (message) => [message.id, true], interval: 5 }).stop();
    createDTraceProvider('app').addProbe('p', 'int', 'json').fire(() => [1, {}]);
    const how: 'memory' | 'call' | 'none' = guard;
    // @ts-expect-error
    shop.probe('other', { order: Date });
    // @ts-expect-error
    checkout.fire({});
    // @ts-expect-error
    new librst.Probe();
    export { fired, path, how };`;
  for (const name of ['program.mts', 'program.cts']) {
    const file = path.join(home, name);
    fs.writeFileSync(file, name.endsWith('cts') ? text.replace('import librst, {', 'import * as librst from \'librst\';\nimport {') : text);
    const { status, stdout } = spawnSync(process.execPath, [
      tsc, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', 'node', file,
    ], { cwd: home, encoding: 'utf8' });
    assert.equal(status, 0, `${name}: ${stdout}`);
  }
});
