// SPDX-License-Identifier: MIT

// The same objects for `import`, so that a program that mixes both has each probe once.

import librst from './index.js';

export const { Probe, Provider, bridge, guard, version } = librst;
export default librst;
