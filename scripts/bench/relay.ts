import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Starts the relay's process and waits until it rings, so that the triggers do not. */
export async function startRelayProcess(url: string): Promise<{ stop: () => Promise<void> }> {
  const script = fileURLToPath(new URL('./relay-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => {
      throw new Error('the relay ended before it rang')
    }),
  ])
  return {
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
