import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'

export type Child = {
  pid: number
  /** Resolves with what the next message has under this key. @throws when the process ends before. */
  next<T = number>(key: string): Promise<T>
  tell(message: Serializable): void
  stop(): Promise<void>
}

/** Starts a script of `processes/`: what is measured must not share the load's event loop. */
export function startChild(script: string, args: string[]): Child {
  const path = join(import.meta.dirname, 'processes', `${script}${extname(import.meta.filename)}`)
  const child = fork(path, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = once(child, 'exit')
  return {
    pid: child.pid ?? 0,
    next: (key) => nextOf(child, key),
    tell: (message) => void child.send(message),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function nextOf<T>(child: ChildProcess, key: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = () =>
      reject(new Error(`a process of the benchmark ended before it said "${key}"`))
    const heard = (message: unknown) => {
      const value = (message as Record<string, unknown>)[key]
      if (value === undefined) return
      child.off('message', heard)
      child.off('exit', ended)
      resolve(value as T)
    }
    child.on('message', heard)
    child.once('exit', ended)
  })
}
