// SPDX-License-Identifier: MIT
'use strict';

// For binding.gyp: the C files of librst and of the addon, from the package's directory.

const fs = require('fs');
const path = require('path');

const DIRECTORIES = ['native', 'src', 'src/arch', 'src/image', 'src/backing', 'src/runtime'];

const top = path.dirname(__dirname);
for (const directory of DIRECTORIES) {
  for (const name of fs.readdirSync(path.join(top, directory)).sort()) {
    if (name.endsWith('.c')) console.log(`${directory}/${name}`);
  }
}
