// SPDX-License-Identifier: MIT

/**
 * USDT probes that a running program declares: named places with values, which bpftrace, perf, gdb,
 * `rst trace` and other tools can watch from outside, while the program runs.
 *
 *     const { Provider } = require('librst');
 *
 *     const shop = new Provider('shop');
 *     const checkout = shop.probe('checkout', { order: Number, customer: String });
 *     shop.load();
 *     checkout.fire(7, 'Ada');
 *     checkout.fire(() => [7, expensive()]); // runs only while somebody watches
 *
 * Errors are JavaScript's own, with a `code`:
 *
 * | code | class | what is wrong |
 * |---|---|---|
 * | `ERR_RST_INVALID` | Error, TypeError | a name, a signature or an option |
 * | `ERR_RST_EXISTS` | Error | the process has a probe of that name |
 * | `ERR_RST_ARITY` | TypeError | the number of values |
 * | `ERR_RST_TYPE` | TypeError | a value of another type than the signature's |
 * | `ERR_RST_RANGE` | RangeError | an integer that the type cannot hold; an interval that is not above 0 |
 * | `ERR_RST_CLOSED` | Error | the provider is closed |
 * | `ERR_RST_SYSTEM` | Error | the system refused a load or an unload; the message says what and why |
 *
 * @packageDocumentation
 */

/// <reference types="node" />

import type { Channel } from 'diagnostics_channel';

/** A type by librst's name. Integers are signed (`int`) or not (`uint`), of so many bits. */
export type TypeName =
  | 'int8' | 'int16' | 'int32' | 'int64'
  | 'uint8' | 'uint16' | 'uint32' | 'uint64'
  | 'bool' | 'float' | 'double' | 'pointer' | 'string';

/**
 * A type, also by JavaScript's name: Number and BigInt are `int64`, Boolean is `bool`, String is
 * `string`, and Buffer is `pointer`, the address of its bytes. For fractions, write `'double'`.
 */
export type Type =
  | TypeName | NumberConstructor | BigIntConstructor | BooleanConstructor | StringConstructor
  | typeof Buffer;

/**
 * A probe's arguments, at most 12: as text, `'uint64 order, string customer'`; as an object,
 * `{ order: 'uint64', customer: String }`; or as an array of types, without names.
 */
export type Signature = string | Readonly<Record<string, Type>> | readonly Type[];

/**
 * A value to fire.
 *
 * - Integers: a Number without fraction, up to 2 ** 53 - 1; beyond that a BigInt.
 * - `float`, `double`: a Number. Tracers see its bits.
 * - `bool`: true or false.
 * - `string`: a string, which is fired in UTF-8, or a Buffer or Uint8Array, whose bytes are; null and
 *   undefined are "". A NUL ends it for a tracer.
 * - `pointer`: a Buffer or Uint8Array, of which a tracer gets the address; an address as a Number or
 *   BigInt; null and undefined are 0.
 */
export type Value = number | bigint | boolean | string | Uint8Array | null | undefined;

/** Where a provider's probes are; see {@link Provider}. */
export interface ProviderOptions {
  /**
   * `'memfd'`: in memory, where `rst trace`, bpftrace before 0.25, gdb and bcc find them. `'file'`:
   * in a file, where every tracer finds them; it is removed with the provider. `'auto'`, the default:
   * a memfd, or a file where that is refused. `RST_BACKING` in the environment overrides this.
   */
  backing?: 'auto' | 'memfd' | 'file';
  /** An absolute path: the directory for the file. The default is $XDG_RUNTIME_DIR, $TMPDIR or /tmp. */
  directory?: string;
}

/**
 * A named group of probes, which are loaded and unloaded together.
 *
 * It lives until it is closed or its thread ends; losing every reference to it does not end it.
 *
 * Threads: each worker thread has modules and Providers of its own, and a process has each probe
 * once. Providers of the same name share their probes: a worker that declares a probe as another
 * thread has, with the same signature, gets the same probe. It can be found as long as one thread
 * that loaded it has neither unloaded nor closed it. The first load decides about the backing.
 *
 * Processes: a child process, also of `cluster`, is a program of its own, with probes of its own.
 */
export class Provider {
  /**
   * @param name letters, digits and `_`, a digit not first, at most 58 bytes
   * @throws `ERR_RST_INVALID`
   */
  constructor(name: string, options?: ProviderOptions);

  readonly name: string;

  /** The probes that this object has declared, in that order. */
  readonly probes: Probe[];

  /** Whether tracers can find the probes: loaded, and neither unloaded nor closed since. */
  readonly loaded: boolean;

  /**
   * Declare a probe. Tracers can find it after the next load.
   *
   * @param name letters, digits and `_`, a digit not first, at most 127 bytes
   * @param signature nothing for a probe without arguments
   * @throws `ERR_RST_INVALID`; `ERR_RST_EXISTS` if this thread has declared it already, or another
   *   thread with another signature; `ERR_RST_CLOSED`
   */
  probe(name: string, signature?: Signature | null): Probe;

  /**
   * Show the probes to tracers. A second load shows those that were declared since the first.
   *
   * @returns whether tracers can find them now: false where `RST_DISABLE` is set in the environment,
   *   and where librst can't be (see {@link guard})
   * @throws `ERR_RST_SYSTEM`, `ERR_RST_INVALID` for a wrong `RST_BACKING`, `ERR_RST_CLOSED`; the probes
   *   can be fired all the same
   */
  load(): boolean;

  /**
   * Hide the probes from tracers, until the next load. Firing does nothing meanwhile.
   *
   * @throws `ERR_RST_SYSTEM`
   */
  unload(): void;

  /**
   * Unload for ever. The probes can still be fired, and do nothing. When all Providers of this name,
   * of every thread, are closed, the memory is given back, and the probes' names are free.
   */
  close(): void;

  /** `close()`, for `using`. Node has it from 18.18 on. */
  [Symbol.dispose](): void;
}

/** A place in a program that a tracer can watch. Made by {@link Provider.probe}. */
export class Probe {
  private constructor();

  readonly provider: Provider;

  readonly name: string;

  /** In its plain form: `'uint64 order, string customer'`. */
  readonly signature: string;

  /** What a tracer attaches to, a file's path; null while the provider is not loaded. */
  readonly path: string | null;

  /** Whether somebody watches. While nobody does, this is a read of memory, without a call. */
  readonly enabled: boolean;

  /**
   * Fire with these values, one for each argument.
   *
   * @returns whether somebody watched
   * @throws `ERR_RST_ARITY`, `ERR_RST_TYPE`, `ERR_RST_RANGE`, whether or not somebody watches
   */
  fire(...values: Value[]): boolean;

  /**
   * Fire with what a function returns: an array of values, or just the value for one argument. The
   * function runs only while somebody watches. What it throws, and values that don't fit, are a
   * warning of the process (`ProbeWarning`, code `RST_LAZY`), once for each probe.
   *
   * @param given what the function gets, so that it needs no closure; `this` is the probe
   * @returns whether it fired
   */
  fire<Given extends unknown[]>(
    values: (this: Probe, ...given: Given) => readonly Value[] | Value | void,
    ...given: Given
  ): boolean;

  /** `provider:probe` */
  toString(): string;
}

/** See {@link bridge}. */
export interface BridgeOptions {
  /**
   * The probe's name. The default is the channel's, with `-` as `__`, and all else that is not a
   * letter, digit or `_` as `_`.
   */
  probe?: string;
  /** The default is `'string message'`: the message as JSON, or as util.inspect() shows it. */
  signature?: Signature;
  /**
   * Makes the probe's values of a message, while somebody watches. The default takes the properties
   * that the signature names.
   */
  values?: (message: any, name: string | symbol) => readonly Value[] | Value;
  /**
   * Milliseconds. The bridge looks so often whether somebody watches, and is subscribed only then;
   * without it, it always is. Publishers that ask `hasSubscribers` make no messages without one. The
   * timer does not keep the program running.
   */
  interval?: number;
}

/**
 * Fire a probe for each message of a channel of `diagnostics_channel`. Load the provider afterwards.
 *
 * @returns the probe, the channel, and a function that ends it
 * @throws as {@link Provider.probe}; `ERR_RST_RANGE` for a wrong interval
 */
export function bridge(
  provider: Provider,
  channel: string | symbol,
  options?: BridgeOptions,
): { probe: Probe; channel: Channel; stop: () => void };

/**
 * How an unwatched probe is told. `'memory'`: by a read of memory. `'call'`: by a call, where V8 takes
 * no memory that is not its own (Electron), or with `RST_NODE_GUARD=call` in the environment.
 * `'none'`: there is no compiled part, as on other systems than Linux on x86_64, and every probe
 * checks its values and does nothing else.
 */
export const guard: 'memory' | 'call' | 'none';

/** The package's version. */
export const version: string;
