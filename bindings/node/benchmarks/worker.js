// SPDX-License-Identifier: MIT
'use strict';

// Measures one contender.
//
//   worker.js QUESTION CONTENDER
//
// It says `ready`; fires now and then until `measure` comes, so that bpftrace can be seen to count;
// and answers each `round` with a line of JSON.

const fs = require('fs');
const { QUESTIONS, SETUPS } = require('./contenders');

const ROW = 20; // operations in a row, between which the loop's own cost is shared out
const ROUND = 10000; // microseconds of CPU time
const COUNTED = 10000; // operations while memory is counted: too few for a collection

/** A function that runs the operation ROW times for each row. */
function compile({ setup, operation }) {
  const variables = { TWO: 'two', ...SETUPS[setup]() };
  const body = `
    let seen = 0;
    return function run(rows) {
      for (let row = 0; row < rows; row++) {
        const i = row & 1023;
        ${Array(ROW).fill(`${operation};`).join('\n')}
      }
      return seen;
    };`;
  return new Function(...Object.keys(variables), body)(...Object.values(variables));
}

function cpuTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** How many rows take about a round; on the way there, V8 has compiled them. */
function calibrate(run) {
  for (let rows = 16; ; rows *= 2) {
    const start = cpuTime();
    run(rows);
    const took = cpuTime() - start;
    if (took > ROUND) return Math.max(1, Math.round((rows * ROUND) / took));
  }
}

function bytesEach(run) {
  global.gc();
  const before = process.memoryUsage().heapUsed;
  run(COUNTED / ROW);
  return Math.max(0, process.memoryUsage().heapUsed - before) / COUNTED;
}

function round(run, rows) {
  const start = cpuTime();
  run(rows);
  const took = cpuTime() - start;
  const bytes = bytesEach(run);
  return { ns: (took * 1000) / (rows * ROW), bytes, operations: rows * ROW + COUNTED };
}

function say(words) {
  fs.writeSync(1, `${words}\n`);
}

function main([question, id]) {
  const contender = QUESTIONS.find((one) => one.id === question).contenders.find((one) => one.id === id);
  const run = compile(contender);
  const beacon = setInterval(() => run(1), 5);
  let rows;
  process.stdin.setEncoding('utf8').on('data', (text) => {
    for (const word of text.trim().split('\n')) {
      if (word === 'measure') {
        clearInterval(beacon);
        rows = calibrate(run);
        say('measuring');
      } else say(JSON.stringify(round(run, rows)));
    }
  }).on('end', () => process.exit());
  say('ready');
}

main(process.argv.slice(2));
