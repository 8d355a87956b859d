// SPDX-License-Identifier: MIT

/**
 * The interface of npm's dtrace-provider on librst. Its README explains it; these are the differences:
 *
 * - In names, `-` becomes `__`, which DTrace shows as `-`, and other characters become `_`:
 *   `log-info` is `log__info` for bpftrace.
 * - A tracer sees the first 12 arguments of a probe.
 * - What a callback throws, a load that fails, and a probe that can't be declared are warnings of the
 *   process (`ProbeWarning`, code `RST_DTRACE`).
 * - Probes that are added to an enabled provider can be watched at once.
 *
 * @packageDocumentation
 */

/** The type of an argument: `'int'`, `'char *'` or `'json'`, by how it begins; others are `'char *'`. */
export type Type = 'int' | 'char *' | 'json' | (string & {});

export class DTraceProbe {
  private constructor();

  /**
   * Call the callback, if somebody watches, and fire with the array that it returns.
   *
   * @param given what the callback gets
   * @returns true if it fired
   * @throws TypeError if there is no callback
   */
  fire<Given extends unknown[]>(
    callback: (this: DTraceProbe, ...given: Given) => unknown,
    ...given: Given
  ): true | undefined;
}

export class DTraceProvider {
  /** @throws TypeError if a name is not a string; `ERR_RST_INVALID` if it is empty */
  constructor(name: string, module?: string);

  /** Declare a probe, which is also the provider's property of that name. */
  addProbe(name: string, ...types: Type[]): DTraceProbe;

  /** @throws Error if the provider doesn't have it */
  removeProbe(probe: DTraceProbe): true;

  /** Show the probes to tracers. */
  enable(): void;

  /** Hide them. */
  disable(): void;

  /** Fire the probe of that name, as its own fire() does; nothing if there is none. */
  fire<Given extends unknown[]>(
    name: string,
    callback: (this: DTraceProbe, ...given: Given) => unknown,
    ...given: Given
  ): true | undefined;

  [probe: string]: any;
}

export function createDTraceProvider(name: string, module?: string): DTraceProvider;
