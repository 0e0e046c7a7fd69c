import { execFile } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readEnvFile, writeEnvFile } from '../../scripts/app/env-file.ts'
import { newFolder } from './cli.ts'

const values = {
  PIGEONPOST_URL: 'http://127.0.0.1:8080',
  PIGEONPOST_KEY: 'pp_1_abc',
  DATABASE_URL: `postgres://o'neill:$(id)\`id\`"\\!;&x y@host/app?a=1`,
}

t.test('a shell reads back exactly what was written, whatever it holds', async (t) => {
  const folder = await newFolder(t)
  await writeEnvFile(folder, values)
  for (const [name, value] of Object.entries(values)) {
    const script = `. "$0"; printf %s "$${name}"; env | grep -q "^${name}="`
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script, join(folder, 'env')])
    t.equal(stdout, value, name)
  }
  t.same(await readEnvFile(folder), values)
})

t.test('only its owner may read it, whatever stood there before', async (t) => {
  const folder = await newFolder(t)
  await writeFile(join(folder, 'env'), 'old', { mode: 0o644 })
  await writeEnvFile(folder, values)
  t.equal((await stat(join(folder, 'env'))).mode & 0o777, 0o600)
  t.strictSame(await readdir(folder), ['env'], 'nothing half-written stays')
})

t.test('it is replaced in one step', async (t) => {
  const folder = await newFolder(t)
  await writeEnvFile(folder, values)
  const before = await stat(join(folder, 'env'))
  await writeEnvFile(folder, { ...values, PIGEONPOST_KEY: 'pp_1_other' })
  t.not((await stat(join(folder, 'env'))).ino, before.ino)
})

t.test('undoing puts back what was there', async (t) => {
  const folder = await newFolder(t)
  const first = await writeEnvFile(folder, values)
  const text = await readFile(join(folder, 'env'), 'utf8')
  const second = await writeEnvFile(folder, { ...values, PIGEONPOST_KEY: 'pp_1_other' })
  await second.undo()
  t.equal(await readFile(join(folder, 'env'), 'utf8'), text)
  await first.undo()
  t.strictSame(await readdir(folder), [])
})

t.test('a file that is missing or not ours says nothing', async (t) => {
  const folder = await newFolder(t)
  t.same(await readEnvFile(folder), {})
  await writeFile(join(folder, 'env'), "PIGEONPOST_KEY=x\nexport OTHER='y'\n")
  t.same(await readEnvFile(folder), {})
})
