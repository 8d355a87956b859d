// SPDX-License-Identifier: MIT
'use strict';

// stage.js DIRECTORY: copy the package there as npm shall pack it. In the repository, librst's
// sources are links, which npm leaves out. Without a DIRECTORY it lists what it would copy.

const fs = require('fs');
const path = require('path');

const TOP = path.dirname(__dirname);
const ALWAYS = ['package.json', 'README.md', 'LICENSE'];
const LIBRARY = ['', 'arch', 'image', 'backing', 'runtime']; // of src; the rest is the command's

function isWanted(name) {
  return !name.startsWith('src/') || /\.(c|h|map)$/.test(name);
}

/** The files of the package, by their names in it. */
function list() {
  const { files } = JSON.parse(fs.readFileSync(path.join(TOP, 'package.json'), 'utf8'));
  const names = [];
  for (const name of [...ALWAYS, ...files]) {
    if (name === 'src') LIBRARY.forEach((part) => names.push(...filesIn(path.join('src', part), false)));
    else if (fs.statSync(path.join(TOP, name)).isDirectory()) names.push(...filesIn(name, true));
    else names.push(name);
  }
  return names.filter(isWanted);
}

function filesIn(directory, deep) {
  return fs.readdirSync(path.join(TOP, directory), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(directory, entry.name);
    if (entry.isDirectory()) return deep ? filesIn(name, deep) : [];
    return [name];
  });
}

function main(to) {
  if (to === undefined) {
    for (const name of list()) console.log(path.join(TOP, name));
    return;
  }
  for (const name of fs.existsSync(to) ? fs.readdirSync(to) : []) {
    if (name !== 'build') fs.rmSync(path.join(to, name), { recursive: true });
  }
  for (const name of list()) {
    fs.mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
    fs.copyFileSync(path.join(TOP, name), path.join(to, name));
  }
}

main(process.argv[2]);
