import { setMaxListeners } from 'node:events'

export type Deadline = { signal: AbortSignal; cancel(): void }

/**
 * A signal that aborts after `ms`, or with `parent`; any number of requests may share it. Calls `onPast` a moment later, so
 * that adapters have time to report an outcome.
 */
export function createDeadline(
  ms: number,
  parent: AbortSignal,
  onPast: (signal: AbortSignal) => void,
): Deadline {
  const controller = new AbortController()
  const { signal } = controller
  setMaxListeners(0, signal)
  const timer = setTimeout(abort, Math.max(1, ms))
  parent.addEventListener('abort', abort)
  if (parent.aborted) abort()

  function cancel(): void {
    clearTimeout(timer)
    parent.removeEventListener('abort', abort)
  }
  function abort(): void {
    cancel()
    if (signal.aborted) return
    controller.abort(new DOMException('The request took too long.', 'TimeoutError'))
    setTimeout(() => onPast(signal), Math.min(300, ms / 10))
  }
  return { signal, cancel }
}
