import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Test } from 'tap'
import { startEmbedded } from '../../adapters/postgres/embedded.ts'
import { waitFor } from '../support/wait.ts'

const bin = join(import.meta.dirname, '..', '..', 'scripts', 'pigeonpost.ts')

export type Running = {
  child: ChildProcess
  /** What it has printed so far. */
  output: { stdout: string; stderr: string }
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>
}
export type Ended = { code: number | NodeJS.Signals; stdout: string; stderr: string }
export type Variables = Record<string, string>
type Options = { env?: Variables; cwd?: string }

// One listener for each command that runs, and a test runs them all at once.
process.setMaxListeners(50)

/** Starts `pigeonpost …`; it is killed at the test's end if it still runs. */
export function run(t: Test, args: string[], options: Options = {}): Running {
  return runProgram(t, process.execPath, [bin, ...args], options)
}

export function runProgram(t: Test, program: string, args: string[], options: Options): Running {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number)
  const kill = (): void => void child.kill('SIGKILL')
  // A file that runs out of time has no teardown.
  process.once('exit', kill)
  t.teardown(async () => {
    process.off('exit', kill)
    kill()
    await ended
  })
  return { child, output, ended }
}

/** Runs `pigeonpost …` to its end. */
export async function complete(t: Test, args: string[], options: Options = {}): Promise<Ended> {
  const { ended, output } = run(t, args, options)
  const code = await ended
  return { code, ...output }
}

const ready = z.object({
  PIGEONPOST_URL: z.string(),
  PIGEONPOST_KEY: z.string(),
  DATABASE_URL: z.string(),
  envFile: z.string(),
  embedded: z.boolean(),
})
export type Started = Running & { ready: z.infer<typeof ready>; data: string }

/** `pigeonpost start --json`, once it says that it is ready; its database is stopped at the test's end too. */
export async function startReady(t: Test, data: string, env: Variables = {}): Promise<Started> {
  const running = run(t, ['start', '--json'], { env: { PORT: '0', PIGEONPOST_DATA: data, ...env } })
  t.teardown(async () => stopDatabase(running, data))
  await waitFor(() => running.output.stdout.includes('\n') || running.child.exitCode !== null, {
    what: 'start to be ready',
  })
  const { stdout, stderr } = running.output
  if (running.child.exitCode !== null) throw new Error(`start ended: ${stdout}${stderr}`)
  return { ...running, ready: ready.parse(JSON.parse(stdout)), data }
}

/** What a killed `start` left running is taken over, then stopped. */
async function stopDatabase(running: Running, data: string): Promise<void> {
  running.child.kill('SIGKILL')
  await running.ended
  const pidFile = join(data, 'pg', 'server', 'data', 'postmaster.pid')
  if (!(await readFile(pidFile).catch(() => null))) return
  await (await startEmbedded({ folder: join(data, 'pg') })).stop()
}

/** Open to the user that PostgreSQL runs as, so that nothing of it goes below /var/lib. */
export async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost cli '))
  await chmod(folder, 0o755)
  t.teardown(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Neither tap's settings nor those of whoever runs the tests. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_|TAP|PIGEONPOST_|PG)|^(DATABASE_URL|HOST|PORT|LOG_LEVEL|NODE_OPTIONS|NODE_ENV)$/i.test(
        name,
      ),
  )
  return Object.fromEntries(kept)
}
