// SPDX-License-Identifier: MIT
'use strict';

// The guard: JavaScript reads the kernel's count in memory, and sees it change, also in a loop that
// V8 has compiled and that calls nothing.

const { PACKAGE, assert, refused, test, tracingRefusal } = require('./support/testing');
const { leave, script, watch } = require('./support/program');

// The loop calls nothing and stores nothing: V8 may keep in registers whatever it thinks it can. With
// a step of 0, only the tracer can end it.
const COMPILED = Number(process.versions.node.split('.')[0]) >= 20
  ? '%ActiveTierIsTurbofan(spin)'
  : '(%GetOptimizationStatus(spin) & 16) !== 0'; // Node 18 has no better word for it
const LOOP = `
  const { Provider, guard } = require(PACKAGE);
  const provider = new Provider('guard');
  const probe = provider.probe('loop');
  provider.load();
  function spin(left, step) {
    while (left > 0 && !probe.enabled) left -= step;
    return left;
  }
  // V8 may drop what it has compiled, where it knew too little then.
  for (let tries = 0; tries < 20 && !(${COMPILED}); tries++) {
    %PrepareFunctionForOptimization(spin);
    for (let i = 0; i < 1000; i++) spin(1000, 1);
    %OptimizeFunctionOnNextCall(spin);
    spin(1000, 1);
  }
  say('spinning by', guard, ${COMPILED});
  spin(1, 0);
  say('seen', probe.fire());
  while (probe.enabled);
  say('gone');
  provider.close();
  say('closed', probe.enabled);`;

for (const [what, guard] of [['memory', {}], ['call', { RST_NODE_GUARD: 'call' }]]) {
  test(`a compiled loop sees a tracer come and go, by ${what}`, async (t) => {
    if (refused(t, tracingRefusal())) return;
    const program = script(t, LOOP, { options: ['--allow-natives-syntax'], env: guard });
    await program.line(new RegExp(`^spinning by ${what} true$`));
    const tool = await watch(t, program.pid, 'guard:loop');
    await program.line(/^seen true$/);
    await leave(tool);
    await program.line(/^gone$/);
    await program.line(/^closed false$/);
    assert.equal(await program.end(), 0, String(program));
  });
}

test('an unwatched fire calls nothing of the compiled part', () => {
  const parts = require(`${PACKAGE}/lib/native`);
  const refuse = (name) => () => assert.fail(`${name} was called`);
  parts.native = { ...parts.native, fire: refuse('fire'), enabled: refuse('enabled') };
  const { Provider, guard } = require(PACKAGE);
  const provider = new Provider('guard');
  const probe = provider.probe('calls', 'int32 a, string b');
  assert.equal(provider.load(), true);
  assert.equal(guard, 'memory');
  assert.equal(probe.fire(1, 'x'), false);
  assert.equal(probe.fire(() => assert.fail('it ran')), false);
  assert.equal(probe.enabled, false);
  provider.close();
});
