import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { entryFiles, exportedNames, exportsFile } from './support/exports.ts'

const execute = promisify(execFile)
const entries = await entryFiles()

t.test('the package exports what is written down, and nothing else', async (t) => {
  const names = await exportedNames()
  const hint = 'else: node test/dump-exports.ts, and a line in CHANGELOG.md'
  t.same(names, JSON.parse(await readFile(exportsFile, 'utf8')), hint)
  for (const [entry, file] of Object.entries(entries)) {
    const values = names[entry]?.filter((name) => !name.startsWith('type '))
    const module = (await import(file)) as object
    t.same(Object.keys(module).toSorted(), values, `${entry}: as it is imported`)
  }
})

/** The packages that importing a file loads, by a process that loads nothing else. */
async function packagesOf(file: string): Promise<Set<string>> {
  const script = `
    import { registerHooks } from 'node:module'
    const urls = []
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
    await import(process.argv[1])
    console.log(JSON.stringify(urls))`
  const args = ['--input-type=module', '-e', script, file]
  const { stdout } = await execute(process.execPath, args, { maxBuffer: 1e8 })
  const urls = JSON.parse(stdout) as string[]
  return new Set(
    urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []),
  )
}

const light = ['postgres', 'postgres-array', 'zod']

t.test('no entry loads sharp or an SDK of Amazon before it needs it', async (t) => {
  for (const [entry, file] of Object.entries(entries)) {
    const packages = [...(await packagesOf(file))].toSorted()
    t.notMatch(packages.join(' '), /sharp|@aws-sdk/, entry)
    // Who only reads and writes needs the driver, and zod for the rows.
    if (['.', './db'].includes(entry)) t.same(packages, light, entry)
  }
})
