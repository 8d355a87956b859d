// SPDX-License-Identifier: MIT
'use strict';

// What the package costs, in one run, in turns.
//
//   run.js [--json FILE] [--rounds N]
//
// RST_NODE_PACKAGE names the compiled package. Prints a table for each question, and writes the JSON
// that docs/benchmarks.md is made of. It fails when bpftrace counts less than was fired, and never
// because of a time.

const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const { parseArgs } = require('util');
const { QUESTIONS } = require('./contenders');

// How often the processes are restarted: where in memory things lie makes a difference.
const SITTINGS = 3;

/** A process and its lines. */
class Talker {
  constructor(command, args) {
    this.name = [command, ...args].join(' ');
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => { this.process.on('close', resolve); });
  }

  async hear() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended`);
    return value;
  }

  async ask(words) {
    this.process.stdin.write(`${words}\n`);
    return this.hear();
  }

  async end() {
    this.process.stdin.end();
    let last = '';
    for (let next = await this.lines.next(); !next.done; next = await this.lines.next()) last = next.value || last;
    await this.ended;
    return last;
  }
}

/** A bpftrace that counts the hits of a process. Its count as it goes says that it is attached. */
class Counter extends Talker {
  constructor(pid) {
    super('bpftrace', ['-p', String(pid), '-e', 'usdt:*:bench:point { @hits = count(); } interval:ms:50 { print(@hits); }']);
    this.most = 0;
  }

  note(line) {
    this.most = Math.max(this.most, Number(/^@hits: (\d+)/.exec(line)?.[1] ?? 0));
  }

  async counting() {
    while (this.most === 0) this.note(await this.hear());
  }

  /** It ends with the process that it watches. */
  async total() {
    for (let next = await this.lines.next(); !next.done; next = await this.lines.next()) this.note(next.value);
    await this.ended;
    return this.most;
  }
}

class Worker {
  constructor(question, contender) {
    this.contender = contender;
    this.operations = 0;
    this.talker = new Talker(process.execPath, ['--expose-gc', path.join(__dirname, 'worker.js'), question.id, contender.id]);
  }

  async start() {
    await this.talker.hear();
    if (this.contender.watched) {
      this.counter = new Counter(this.talker.process.pid);
      await this.counter.counting();
    }
    await this.talker.ask('measure');
  }

  async round() {
    const result = JSON.parse(await this.talker.ask('round'));
    this.operations += result.operations;
    return result;
  }

  async finish() {
    await this.talker.end();
    const counted = await this.counter?.total();
    if (counted < this.operations) {
      throw new Error(`${this.contender.id}: bpftrace counted ${counted} of ${this.operations} or more`);
    }
  }
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.round((sorted.length - 1) * part)];
  const short = (value) => Number(value.toFixed(4));
  return { median: short(at(0.5)), low: short(at(0.25)), high: short(at(0.75)), rounds: values.map(short) };
}

async function sit(question, contenders, rounds, results) {
  const workers = contenders.map((contender) => new Worker(question, contender));
  for (const worker of workers) await worker.start();
  for (let round = 0; round < rounds; round++) {
    for (const worker of workers) results.get(worker.contender.id).push(await worker.round());
  }
  for (const worker of workers) await worker.finish();
}

async function ask(question, rounds) {
  const contenders = question.contenders.filter(({ lacking }) => lacking === undefined);
  const results = new Map(contenders.map(({ id }) => [id, []]));
  for (let sitting = 0; sitting < SITTINGS; sitting++) {
    const some = Math.floor((rounds + sitting) / SITTINGS);
    if (some > 0) await sit(question, contenders, some, results);
  }
  return summary(question, results);
}

function summary({ id, title, baseline, contenders }, results) {
  const metrics = ({ id: one }) => (results.has(one) ? {
    ns: spread(results.get(one).map(({ ns }) => ns)),
    bytes: spread(results.get(one).map(({ bytes }) => bytes)),
  } : null);
  const measured = contenders.map((one) => ({
    id: one.id, label: one.label, metrics: metrics(one), ...(one.lacking && { skipped: one.lacking }),
  }));
  const net = (one) => one.metrics.ns.median - measured[0].metrics.ns.median;
  const base = net(measured.find((one) => one.id === baseline));
  for (const one of measured.slice(1)) {
    if (one.metrics) one.ratio = Number((net(one) / base).toFixed(3));
  }
  return { id, title, empty: 'empty', baseline, contenders: measured };
}

function print({ title, contenders }) {
  console.log(`\n${title}`);
  const loop = contenders[0].metrics.ns.median;
  for (const { label, metrics, ratio, skipped } of contenders) {
    if (!metrics) {
      console.log(`  ${label.padEnd(54)} not measured: ${skipped}`);
      continue;
    }
    const { ns: { median }, bytes } = metrics;
    const times = ratio === undefined ? '' : `${ratio.toFixed(2)}x`;
    console.log(`  ${label.padEnd(54)} ${median.toFixed(2).padStart(8)} ns  ${(median - loop).toFixed(2).padStart(8)} less the loop  ${times.padEnd(8)} ${Math.round(bytes.median)} bytes`);
  }
}

function field(file, pattern) {
  return (pattern.exec(fs.readFileSync(file, 'utf8'))?.[1] ?? '').trim();
}

function machine() {
  let bpftrace = null;
  try {
    bpftrace = execFileSync('bpftrace', ['--version'], { encoding: 'utf8' }).trim();
  } catch { /* then nothing is watched */ }
  return {
    kernel: `${os.type()} ${os.release()} ${os.machine?.() ?? 'x86_64'}`,
    cpu: field('/proc/cpuinfo', /^model name\s*:(.*)/m),
    cpu_family: field('/proc/cpuinfo', /^cpu family\s*:(.*)/m),
    system: field('/etc/os-release', /^PRETTY_NAME="(.*)"/m),
    node: `${process.version}, V8 ${process.versions.v8}`,
    bpftrace,
    date: new Date().toISOString().slice(0, 10),
  };
}

function refusal(question) {
  if (!question.contenders.some(({ watched }) => watched)) return undefined;
  if (process.geteuid() !== 0) return 'bpftrace needs root';
  return machine().bpftrace === null ? 'bpftrace is not installed' : undefined;
}

async function main() {
  const { values } = parseArgs({ options: { json: { type: 'string' }, rounds: { type: 'string' } } });
  const rounds = Number(values.rounds ?? process.env.RST_BENCH_ROUNDS ?? 30);
  const questions = [];
  for (const question of QUESTIONS) {
    const reason = refusal(question);
    if (reason === undefined) {
      questions.push(await ask(question, rounds));
      print(questions[questions.length - 1]);
    } else if (process.env.RST_REQUIRE_TRACERS === '1') {
      throw new Error(`${question.id}: RST_REQUIRE_TRACERS=1, but ${reason}`);
    } else console.log(`\n${question.title}: not measured: ${reason}`);
  }
  if (values.json) fs.writeFileSync(values.json, `${JSON.stringify({ machine: machine(), rounds, questions }, null, 2)}\n`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
