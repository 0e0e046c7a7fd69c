// Brings the Node and the packages that Pigeonpost needs, then runs a task with them.
// Plain JavaScript on purpose: the Node that starts this file may be as old as 18.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const tools = join(root, '.tools')
const [task = 'help', ...args] = process.argv.slice(2)

/** What each task runs, one command after another until one fails; `help` is what `make help` says of it. */
const tasks = {
  help: { help: 'list what there is' },
  setup: { help: 'install what is missing: Node and the packages', commands: () => [] },
  run: {
    help: 'run everything in this terminal: database, API and worker',
    commands: () => [['node', 'scripts/pigeonpost.ts', 'start', ...args]],
  },
  test: {
    help: "run the tests; ARGS='test/db/begin.test.ts' only these, PG_VERSION=15 on another PostgreSQL",
    commands: () => [['node', 'test/run.ts', ...args]],
  },
  'test-slow': {
    help: 'run the long tests: memory, kills, full disks, races',
    commands: () => [['node', 'test/run.ts', '--slow', ...args]],
  },
  'test-matrix': { help: 'run all tests on PostgreSQL 15, 16, 17 and 18' },
  lint: {
    help: 'check types, lint and formatting',
    commands: () => [
      ['tsc', '--noEmit'],
      ['oxlint', '--type-aware', '--deny-warnings'],
      ['oxfmt', '--check'],
    ],
  },
  format: { help: 'format the sources', commands: () => [['oxfmt']] },
  build: {
    help: 'compile into dist/',
    commands: () => [
      ['node', '-e', "fs.rmSync('dist', { recursive: true, force: true })"],
      ['tsc', '-p', 'tsconfig.build.json'],
      ['node', '-e', "fs.chmodSync('dist/scripts/pigeonpost.js', 0o755)"],
    ],
  },
  bench: {
    help: "measure this version against yardsticks; ARGS='--part single --rounds 1' measures less",
    commands: () => [['node', 'scripts/pigeonpost.ts', 'bench', ...args]],
  },
  'bench-large': {
    help: 'measure reads with 10 million messages stored',
    commands: () => [['node', 'scripts/pigeonpost.ts', 'bench', '--part', 'history', ...args]],
  },
  clean: { help: 'remove build outputs and installed packages, never your data' },
}

main().catch((error) => {
  console.error(`pigeonpost setup: ${error.message}`)
  process.exit(1)
})

async function main() {
  if (task === 'help') return console.log(describeTasks())
  if (task === 'clean') return clean()
  if (task === 'node') return console.log(await bringNode())
  if (task === 'test-matrix') return testMatrix()
  // No target of make: any command with this Node and these packages.
  if (task !== 'exec' && !Object.hasOwn(tasks, task)) {
    throw new Error(`there is no task "${task}"\n\n${describeTasks()}`)
  }
  const env = await prepare(process.env.PG_VERSION)
  for (const [command, ...rest] of task === 'exec' ? [args] : tasks[task].commands()) {
    const end = await run(command, rest, { env })
    if (end.signal) dieOf(end.signal)
    if (end.signal || end.code !== 0) process.exit(end.code ?? undefined)
  }
}

function describeTasks() {
  return Object.entries(tasks)
    .map(([name, { help }]) => `  make ${name.padEnd(12)}  ${help}`)
    .join('\n')
}

/** The whole suite on each supported PostgreSQL; every version runs, even after one failed. */
async function testMatrix() {
  const failed = []
  for (const version of ['15', '16', '17', '18']) {
    console.log(`\nPostgreSQL ${version}`)
    const env = await prepare(version)
    const end = await run('node', ['test/run.ts', '--all', ...args], { env })
    if (end.signal) return dieOf(end.signal)
    if (end.code !== 0) failed.push(version)
  }
  if (failed.length > 0) throw new Error(`the suite failed on PostgreSQL ${failed.join(', ')}`)
}

/** Build outputs and installed packages go; a data folder never does. */
function clean() {
  for (const name of ['dist', '.tap', 'node_modules', '.tools']) {
    rmSync(join(root, name), { recursive: true, force: true })
  }
}

/** Installs what is missing, and answers with the environment for children. */
async function prepare(postgres) {
  const node = await bringNode()
  const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path }
  if (!installed()) {
    await alone(async () => {
      if (installed()) return
      await npm(root, ['ci', '--include=dev', '--include=optional'], env)
      writeFileSync(marker(), lockHash())
    })
  }
  if (!postgres) return env
  if (!/^1[5-8]$/.test(postgres))
    throw new Error(`PG_VERSION is "${postgres}"; it can be 15, 16, 17 or 18`)
  if (postgres !== '18') await bringPostgres(env)
  return { ...env, PG_VERSION: postgres }
}

/** The path of a Node that is new enough: this one, else the one that is brought into .tools. */
async function bringNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const node = join(tools, 'node_modules', name, 'bin', 'node')
  const source = join(root, 'scripts', 'setup', 'node')
  const lock = JSON.parse(readFileSync(join(source, 'package-lock.json'), 'utf8'))
  const wanted = lock.packages[`node_modules/${name}`]?.version
  const advice = 'install Node 22.18 or newer yourself'
  if (!wanted)
    throw new Error(
      `Node ${process.versions.node} is too old, and there is none to bring for ${name}: ${advice}`,
    )
  const fits = () =>
    existsSync(node) &&
    JSON.parse(readFileSync(join(tools, 'node_modules', name, 'package.json'), 'utf8')).version ===
      wanted
  if (fits()) return node
  await alone(async () => {
    if (fits()) return
    console.error(`Node ${process.versions.node} is too old; bringing ${wanted} into .tools`)
    await installInto(source, tools, process.env)
  })
  if (!fits()) throw new Error(`npm did not install ${name}: ${advice}`)
  return node
}

async function bringPostgres(env) {
  const folder = join(tools, 'postgres')
  const source = join(root, 'scripts', 'setup', 'postgres')
  const done = join(folder, 'node_modules', '.package-lock.json')
  const lock = join(source, 'package-lock.json')
  const fits = () => existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs
  if (fits()) return
  await alone(async () => {
    if (!fits()) await installInto(source, folder, env)
  })
}

async function installInto(source, folder, env) {
  mkdirSync(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(source, name), join(folder, name))
  await npm(folder, ['ci', '--include=optional', '--ignore-scripts'], env)
}

async function npm(folder, rest, env) {
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier']
  // What goes to stdout is the task's own answer, so npm speaks on stderr.
  const end = await run('npm', [...rest, ...quiet], {
    cwd: folder,
    env: unnested(env),
    stdio: ['ignore', 2, 2],
  })
  if (end.signal) return dieOf(end.signal)
  if (end.code !== 0) throw new Error(`npm ${rest[0]} failed in ${folder}`)
}

/** Under `npm test` the outer npm's settings (omit, dry-run, prefix) must not reach the inner one. */
function unnested(env) {
  const drop =
    /^npm_(config_(local_prefix|prefix|omit|include|dry_run|global|json|pack_destination)|package_|lifecycle_|command$|execpath$)/
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => name !== 'NODE_ENV' && !drop.test(name)),
  )
}

function marker() {
  return join(root, 'node_modules', '.pigeonpost-lock')
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

/** True for our own `npm ci` of this very lock file, and for one that was run by hand after it changed. */
function installed() {
  if (existsSync(marker()) && readFileSync(marker(), 'utf8') === lockHash()) return true
  const hidden = join(root, 'node_modules', '.package-lock.json')
  return (
    existsSync(hidden) &&
    statSync(hidden).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
  )
}

/** One setup at a time per folder. The lock is an abstract socket: it cannot outlive its process. */
async function alone(work) {
  if (process.platform !== 'linux') return work()
  const path = `\0pigeonpost-setup-${createHash('sha256').update(root).digest('hex').slice(0, 32)}`
  let told = false
  for (;;) {
    const server = createServer()
    const held = await new Promise((resolve, reject) => {
      server.once('listening', () => resolve(true))
      server.once('error', (error) =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
      )
      server.listen({ path })
    })
    if (held) return work().finally(() => server.close())
    if (!told) console.error('another setup is at work in this folder; waiting for it')
    told = true
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

/** Runs a child in our process group, with our terminal, and hands it the signals it did not get itself. */
function run(command, rest, { env, cwd = root, stdio = 'inherit' }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { env, cwd, stdio })
    const forward = (signal) => {
      if (signal !== 'SIGTERM' && fromTerminal()) return
      child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']
    for (const signal of signals) process.on(signal, forward)
    const done = () => signals.forEach((signal) => process.off(signal, forward))
    child.once('error', (error) => {
      done()
      reject(
        new Error(
          error.code === 'ENOENT' ? `"${command}" was not found` : `${command}: ${error.message}`,
        ),
      )
    })
    child.once('close', (code, signal) => {
      done()
      resolve({ code, signal })
    })
  })
}

/** A terminal signals every process in its foreground group, so the child has the signal already. */
function fromTerminal() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const [, , group, , tty, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return tty !== '0' && group === foreground
  } catch {
    return process.stdin.isTTY === true
  }
}

/** Ends as the child did, so that make and a shell see the same outcome. */
function dieOf(signal) {
  process.exitCode = 128 + (constants.signals[signal] ?? 0)
  process.kill(process.pid, signal)
}
