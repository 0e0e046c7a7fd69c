/** The contract of a virus scanner. */

import type { Readable } from 'node:stream'

/** The scanner's complete answer; a partial answer is not a verdict. */
export type Verdict = { verdict: 'clean' } | { verdict: 'infected'; signature: string }

export type Scanner = {
  /**
   * Scans a file by its path, or a stream to its end. Only a few scans run at once; the others wait.
   * @throws {ScannerUnavailableError} when there is no verdict now: the file waits, and is scanned again later.
   * @throws {ScanRefusedError} when there will never be one.
   * @throws the reason of `signal` when it aborts, and what reading the file throws.
   */
  scan(file: string | Readable, signal?: AbortSignal): Promise<Verdict>
  /**
   * The scanner's version and that of its signatures, as it says them.
   * @throws {ScannerUnavailableError}
   */
  check(signal?: AbortSignal): Promise<string>
}

/** The scanner is down, too slow, or failed during a scan. Retry later. */
export class ScannerUnavailableError extends Error {
  override readonly name = 'ScannerUnavailableError'
  readonly retryable = true
}

/** The scanner refuses the file for good: it is larger than the scanner's own limit. */
export class ScanRefusedError extends Error {
  override readonly name = 'ScanRefusedError'
  readonly retryable = false
}
