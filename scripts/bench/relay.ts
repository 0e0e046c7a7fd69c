import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'

/** Starts the relay's process and waits until it notifies, so that the triggers do not. */
export async function startRelayProcess(url: string): Promise<{ stop: () => Promise<void> }> {
  const script = join(import.meta.dirname, `relay-process${extname(import.meta.filename)}`)
  const child = spawn(process.execPath, [script, url], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => {
      throw new Error('the relay ended before it notified')
    }),
  ])
  return {
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
