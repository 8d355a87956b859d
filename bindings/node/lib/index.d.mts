// SPDX-License-Identifier: MIT

import * as librst from './index.js';

export * from './index.js';
export default librst;
