import { constants } from 'node:os'

/** npm and a terminal may both deliver one Ctrl-C; what comes this soon after is no second one. */
const echoMs = 300

export type Stop = {
  /** Aborted by the first Ctrl-C, SIGTERM or hang-up, or by `request`. */
  signal: AbortSignal
  /** Resolves when `signal` is aborted. */
  requested: Promise<void>
  request(): void
}

/**
 * Handles the signals that end a process. The first requests an orderly stop; a second one ends the
 * process at once, after `onSecond` has run.
 */
export function listenForStop(onSecond: () => Promise<void> | void = () => {}): Stop {
  const controller = new AbortController()
  const { signal } = controller
  let first: number | null = null
  const request = (): void => {
    first ??= performance.now()
    controller.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (first === null) request()
      else if (performance.now() - first > echoMs) {
        void Promise.resolve(onSecond()).finally(() => process.exit(128 + constants.signals[name]))
      }
    })
  }
  return {
    signal,
    requested: new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    request,
  }
}
