import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const files = ['adapters', 'db', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
)

/** What may be imported from another room, beside `node:` and packages. Circles are the linter's (import/no-cycle). */
const mayImport: Record<string, string[]> = {
  db: [],
  'adapters/shared': [],
  'adapters/storage': ['adapters/shared'],
  'adapters/scan': ['adapters/shared'],
  'adapters/postgres': ['db', 'adapters/shared'],
  'adapters/channels': ['db', 'adapters/shared'],
  'adapters/inbound': ['db', 'adapters/channels', 'adapters/shared'],
  'adapters/media': [
    'db',
    'adapters/channels',
    'adapters/scan',
    'adapters/shared',
    'adapters/storage',
  ],
  'adapters/http': [
    'db',
    'adapters/channels',
    'adapters/inbound',
    'adapters/media',
    'adapters/scan',
    'adapters/shared',
    'adapters/storage',
  ],
  'adapters/worker': [
    'db',
    'adapters/channels',
    'adapters/media',
    'adapters/scan',
    'adapters/shared',
    'adapters/storage',
  ],
  scripts: [
    'db',
    'adapters/channels',
    'adapters/http',
    'adapters/inbound',
    'adapters/media',
    'adapters/postgres',
    'adapters/scan',
    'adapters/shared',
    'adapters/storage',
    'adapters/worker',
  ],
}

function roomOf(path: string): string {
  const [first = '', second = ''] = path.split(sep)
  return first === 'adapters' ? `${first}/${second}` : first
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    normalize(join(dirname(file), path)),
  )
}

t.test('rooms import what they may, and no others', async (t) => {
  const found = files.flatMap((file) => importsOf(file).map((target) => ({ file, target })))
  t.ok(found.length > 1_000, 'imports are found')
  for (const { file, target } of found) {
    const [from, to] = [roomOf(file), roomOf(target)]
    if (from !== to) t.ok(mayImport[from]?.includes(to), `${file} imports ${target}`)
  }
})

t.test('these rooms are entered by their index.ts', async (t) => {
  const closed = ['media', 'scan', 'storage', 'worker'].map((name) => join('adapters', name))
  const adapters = files.filter((name) => name.startsWith('adapters'))
  const found = adapters.flatMap((file) => importsOf(file).map((target) => ({ file, target })))
  for (const { file, target } of found) {
    const room = roomOf(target)
    if (!closed.includes(room) || roomOf(file) === room) continue
    t.equal(target, join(room, 'index.ts'), `${file} imports ${target}`)
  }
})

t.test('a channel imports the contract, what channels share, and no other channel', async (t) => {
  // These pairs are two ways to one provider or format.
  const pairs = [
    ['sendgrid', 'email'],
    ['smtp', 'email'],
    ['twilio', 'sms'],
  ]
  for (const file of files.filter((name) => /channels\/\w+\/./.test(name))) {
    const own = file.split(sep)[2] ?? ''
    for (const target of importsOf(file).filter((name) => /channels\/\w+\/./.test(name))) {
      const other = target.split(sep)[2] ?? ''
      const isAllowed =
        other === own || other === 'shared' || pairs.some(([a, b]) => a === own && b === other)
      t.ok(isAllowed, `${file} imports ${target}`)
    }
  }
})

t.test('no file holds two things, and no folder is a heap', async (t) => {
  for (const file of files.filter((name) => !name.startsWith('scripts'))) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length - 1
    t.ok(lines <= 300, `${file} has ${lines} lines`)
  }
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    const inside = readdirSync(join(root, folder)).filter((name) =>
      statSync(join(root, folder, name)).isFile(),
    )
    t.ok(inside.length <= 20, `${relative('.', folder)} has ${inside.length} files`)
  }
})

t.test('transactions begin in one place, which looks at their commit', async (t) => {
  for (const file of files.filter((name) => name !== join('db', 'begin.ts'))) {
    t.notMatch(readFileSync(join(root, file), 'utf8'), /\.begin\(/, file)
  }
})
