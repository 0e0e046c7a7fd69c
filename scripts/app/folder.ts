import { createHash } from 'node:crypto'
import { mkdir, realpath } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { InUseError } from '../../adapters/postgres/errors.ts'
import { codeOf, Failure } from './failure.ts'

/** @throws {Failure} that names PIGEONPOST_DATA */
export async function makeDataFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true })
    return await realpath(folder)
  } catch (error) {
    throw new Failure(
      `PIGEONPOST_DATA: the data folder ${resolve(folder)} cannot be made (${codeOf(error)}); name a folder that you may write`,
      { cause: error },
    )
  }
}

/** One spelling of a path, by which two processes know that they mean the same; it need not exist yet. */
export async function canonicalPath(folder: string): Promise<string> {
  const path = resolve(folder)
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(await canonicalPath(parent), basename(path))
  }
}

/**
 * Claims a data folder for one `start`, with or without an embedded database in it. The claim is an
 * abstract socket, so it ends with its process; other systems than Linux have none, and there only
 * the embedded database's own claim and the port refuse a second one.
 * @throws {InUseError} with the pid of the one that holds it
 */
export async function claimFolder(folder: string): Promise<{ release(): void }> {
  if (process.platform !== 'linux') return { release() {} }
  const hash = createHash('sha256')
    .update(await canonicalPath(folder))
    .digest('hex')
    .slice(0, 32)
  const path = `\0pigeonpost-data-${hash}`
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(String(process.pid))
  })
  const outcome = await new Promise<NodeJS.ErrnoException | null>((done) => {
    server.once('error', done)
    server.listen({ path }, () => done(null))
  })
  if (outcome === null) {
    server.unref()
    return { release: () => void server.close() }
  }
  if (outcome.code !== 'EADDRINUSE') throw outcome
  throw new InUseError(resolve(folder), await askOwner(path))
}

async function askOwner(path: string): Promise<string | null> {
  return new Promise((done) => {
    let pid = ''
    const socket = connect({ path })
    socket.setTimeout(1_000, () => socket.destroy())
    socket.on('data', (chunk) => (pid += chunk.toString()))
    socket.on('error', () => {})
    socket.on('close', () => done(pid || null))
  })
}
