// SPDX-License-Identifier: MIT
'use strict';

// A probe with values, and one whose values are made only while somebody watches.

const { Provider } = require('librst');

const provider = new Provider('checkout');
const order = provider.probe('order', { order: Number, customer: String });
const cart = provider.probe('cart', { order: Number, contents: String });
provider.load();

const fruits = { apples: 2, pears: 1 };
let number = 0;

setInterval(() => {
  number += 1;
  order.fire(number, number % 2 ? 'Ada' : 'Grace');
  cart.fire(() => [number, Object.entries(fruits).map(([fruit, count]) => `${count} ${fruit}`).join(', ')]);
}, 100);
