// SPDX-License-Identifier: MIT
'use strict';

// A running program, and what it prints. Waits end with a line or with the program; the deadline
// passes only if something hangs.

const { spawn } = require('child_process');
const { PACKAGE, RST, assert, installed } = require('./testing');

const DEADLINE = 60000;

class Program {
  constructor(t, command, args, { env, cwd } = {}) {
    this.lines = [];
    this.errors = '';
    this.waiting = [];
    this.process = spawn(command, args, {
      cwd,
      // Sanitizers are for what is watched.
      env: { ...process.env, ...(command === process.execPath ? {} : { LD_PRELOAD: '' }), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process.stdin.on('error', () => {}); // it may have ended
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (status, signal) => {
        this.closed = true;
        this.look();
        resolve(signal ?? status);
      });
    });
    this.read();
    t.after(() => this.kill());
  }

  read() {
    let rest = '';
    this.process.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      this.lines.push(...lines);
      this.look();
    });
    this.process.stderr.setEncoding('utf8').on('data', (text) => {
      this.errors += text;
      this.look();
    });
  }

  get pid() {
    return this.process.pid;
  }

  look() {
    this.waiting = this.waiting.filter((check) => !check());
  }

  /** Wait until `find` gives a true value; give that. */
  until(find, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what} in time; ${this}`)), DEADLINE);
      const check = () => {
        const found = find(this);
        if (!found && !this.closed) return false;
        clearTimeout(timer);
        if (found) resolve(found);
        else reject(new Error(`it ended without ${what}; ${this}`));
        return true;
      };
      if (!check()) this.waiting.push(check);
    });
  }

  /** Wait for a line; gives its match. */
  line(pattern) {
    const match = () => this.lines.map((line) => pattern.exec(line)).find(Boolean);
    return this.until(match, `line ${pattern}`);
  }

  /** Wait for so many lines that match. */
  count(pattern, number) {
    const all = () => this.lines.filter((line) => pattern.test(line));
    return this.until(() => all().length >= number && all(), `${number} lines ${pattern}`);
  }

  error(pattern) {
    return this.until(() => pattern.exec(this.errors), `error ${pattern}`);
  }

  tell(line) {
    this.process.stdin.write(`${line}\n`);
  }

  /** End its input, and wait for its end. Gives its status, or its signal's name. */
  async end() {
    this.process.stdin.end();
    return this.ended;
  }

  async kill() {
    if (!this.closed) this.process.kill('SIGKILL');
    await this.ended.catch(() => {});
  }

  toString() {
    return `printed:\n${this.lines.join('\n')}\n${this.errors}`;
  }
}

/** A Node program that is given as text. It can `require(PACKAGE)`, and `say` a line at once. */
function script(t, text, { options = [], ...rest } = {}) {
  const before = `const PACKAGE = ${JSON.stringify(PACKAGE)};
    const say = (...words) => require('fs').writeSync(1, words.map(String).join(' ') + '\\n');
    const told = (f) => process.stdin.setEncoding('utf8').on('data', (text) => text.trim().split('\\n').forEach(f));`;
  return new Program(t, process.execPath, [...options, '-e', `${before}\n${text}`], rest);
}

/** `rst trace --json` of a program, when it is watching. */
async function watch(t, pid, ...what) {
  const tool = new Program(t, RST, ['trace', '--json', '-p', String(pid), ...what]);
  await tool.error(/^rst: watching /m);
  return tool;
}

/** The arguments of so many hits that rst has shown. */
async function hits(tool, number) {
  const lines = await tool.count(/^\{/, number);
  return lines.map((line) => JSON.parse(line));
}

/** Ctrl-C, and the end. */
async function leave(tool) {
  tool.process.kill('SIGINT');
  assert.equal(await tool.ended, 0, String(tool));
}

module.exports = { Program, hits, installed, leave, script, watch };
