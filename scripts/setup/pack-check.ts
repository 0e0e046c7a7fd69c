// Packs Pigeonpost, looks at its size, installs the tarball in an empty folder with production dependencies only, imports
// all that it exports, starts it there, waits until it is ready, and stops it by Ctrl-C's signal.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const readyMs = 60_000
const stopMs = 5_000
/** The embedded database is a package of its own, and not in it. */
const maxTarballBytes = 5_000_000

const repository = dirname(dirname(import.meta.dirname))
const folder = await mkdtemp(join(tmpdir(), 'pigeonpost pack '))
await chmod(folder, 0o755)
const env = cleanEnvironment()

try {
  await npm(repository, ['pack', '--pack-destination', folder])
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
  if (!tarball) throw new Error('npm pack made no tarball')
  const { size } = await stat(join(folder, tarball))
  if (size > maxTarballBytes) throw new Error(`${tarball} has ${size} bytes`)
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  await npm(folder, [
    'install',
    '--omit=dev',
    '--ignore-scripts',
    '--prefer-offline',
    join(folder, tarball),
  ])
  await importAll()
  await startAndStop()
  await startAndStop()
  console.log(
    `${tarball} (${size} bytes) installs, starts twice and stops within ${stopMs / 1000} s`,
  )
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Every entry of `exports` leads to a module that is there, needs nothing else, and opens nothing when it is imported. */
async function importAll(): Promise<void> {
  const installed = join(folder, 'node_modules', 'pigeonpost', 'package.json')
  const { exports } = JSON.parse(await readFile(installed, 'utf8')) as { exports: object }
  const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'))
  const lines = entries.map((entry) => `await import('pigeonpost${entry.slice(1)}')`)
  await writeFile(join(folder, 'import-all.mjs'), `${lines.join('\n')}\n`)
  await execute(process.execPath, ['import-all.mjs'], { cwd: folder, env, timeout: 20_000 })
}

/** In a process group of its own, so that the whole of it can be signalled as a terminal would. */
async function startAndStop(): Promise<void> {
  const port = await freePort()
  const child = spawn('npx', ['--no-install', 'pigeonpost', 'start'], {
    cwd: folder,
    detached: true,
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = once(child, 'exit').then(([code]) => String(code))
  const group = -(child.pid ?? 0)
  try {
    const early = await Promise.race([ended, ready(port)])
    if (early !== 'ready') throw new Error(`it ended before it was ready (${early})`)
    await access(join(folder, '.pigeonpost', 'env'))
    process.kill(group, 'SIGINT')
    if ((await Promise.race([ended, delay(stopMs)])) === undefined) {
      throw new Error(`it did not stop within ${stopMs} ms`)
    }
    if (await answers(port)) throw new Error('the server answers after its process ended')
  } catch (error) {
    throw new Error(`pigeonpost start: ${String(error)}\n${output}`, { cause: error })
  } finally {
    try {
      process.kill(group, 'SIGKILL')
    } catch {
      // The whole group is gone, as it should be.
    }
    await killDatabase()
  }
}

/** After a failure the database may run on, for the next owner to take over; here there is none. */
async function killDatabase(): Promise<void> {
  const file = join(folder, '.pigeonpost', 'pg', 'server', 'data', 'postmaster.pid')
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10)
  if (pid > 0) process.kill(pid, 'SIGQUIT')
}

async function ready(port: number): Promise<string> {
  const deadline = Date.now() + readyMs
  while (Date.now() < deadline) {
    if (await answers(port)) return 'ready'
    await delay(100)
  }
  return `/health/ready did not answer 200 within ${readyMs} ms`
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/ready`).then(
    (response) => response.ok,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

async function npm(cwd: string, args: string[]): Promise<void> {
  try {
    await execute('npm', [...args, '--no-audit', '--no-fund'], { cwd, env, maxBuffer: 1e8 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(
      `npm ${args[0]} failed
${stdout ?? ''}${stderr ?? ''}`,
      { cause: error },
    )
  }
}

/** Neither an outer npm's settings nor this project's own may help the installed package. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^PIGEONPOST_|^(DATABASE_URL|HOST|PORT|NODE_ENV|NODE_OPTIONS)$/i.test(name),
  )
  const { PATH, ...rest } = Object.fromEntries(kept)
  return { ...rest, PATH: `${dirname(process.execPath)}:${PATH}` }
}
