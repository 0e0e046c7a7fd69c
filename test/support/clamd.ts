import { freePort } from './port.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type NetConnectOpts } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { findOnPath } from './path.ts'
import { waitFor } from './wait.ts'

/** The test file that every scanner finds (eicar.org). In two parts, so that no scanner finds it here. */
export const eicar = [
  'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD',
  'ANTIVIRUS-TEST-FILE!$H+H*',
].join('-')

/** For the option `skip` of tests that need clamd. */
export const noClamd =
  (await findOnPath('clamd')) === null && 'there is no clamd: apt-get install clamav-daemon'

export type Clamd = {
  host: string
  port: number
  socket: string
  stop(): Promise<void>
  /** After `stop`, at the same place. */
  restart(): Promise<void>
}

/**
 * A real clamd on a free port of loopback and on a unix socket, that knows one signature: EICAR's, wherever it lies in a
 * file. It ends with the test.
 */
export async function startClamd(
  t: Pick<Test, 'teardown'>,
  { maxStream = '100M' }: { maxStream?: string } = {},
): Promise<Clamd> {
  const path = await findOnPath('clamd')
  if (!path) throw new Error(String(noClamd))
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-clamd-'))
  const port = await freePort()
  const socket = join(folder, 'clamd.sock')
  await mkdir(join(folder, 'db'))
  const signature = `Eicar-Test:0:*:${Buffer.from(eicar).toString('hex')}\n`
  await writeFile(join(folder, 'db', 'local.ndb'), signature)
  const settings = {
    DatabaseDirectory: join(folder, 'db'),
    TCPSocket: port,
    TCPAddr: '127.0.0.1',
    LocalSocket: socket,
    Foreground: 'yes',
    User: userInfo().username,
    StreamMaxLength: maxStream,
    SelfCheck: 0,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`)
  await writeFile(join(folder, 'clamd.conf'), lines.join(''))
  const run = async () => {
    const child = spawn(path, ['-c', join(folder, 'clamd.conf')], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const listening = async () =>
      (await listens({ host: '127.0.0.1', port })) && (await listens({ path: socket }))
    await waitFor(listening, { what: 'clamd to listen' })
    return async () => {
      child.kill('SIGKILL')
      await ended
    }
  }
  let stop = await run()
  t.teardown(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    host: '127.0.0.1',
    port,
    socket,
    stop: async () => stop(),
    restart: async () => void (stop = await run()),
  }
}

async function listens(at: NetConnectOpts): Promise<boolean> {
  const socket = connect(at)
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}
