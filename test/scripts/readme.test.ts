import { existsSync } from 'node:fs'
import { glob, readdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { channels, providers } from '../../adapters/channels/index.ts'
import { variables } from '../../scripts/app/config.ts'
import { codeBlocks } from '../support/markdown.ts'
import { newFolder, runProgram, startReady } from './cli.ts'

const root = join(import.meta.dirname, '..', '..')
const readme = await readFile(join(root, 'README.md'), 'utf8')
const ofDatabase = await readFile(join(root, 'db', 'README.md'), 'utf8')
const ofCommands = await readFile(join(root, 'scripts', 'README.md'), 'utf8')

t.test('the session that the README shows runs as it is pasted', async (t) => {
  const folder = await newFolder(t)
  for (const name of await readdir(root)) {
    if (!name.startsWith('.') || name === '.tools')
      await symlink(join(root, name), join(folder, name))
  }
  // In place of `make run`, whose setup has run already.
  const [first, ...pasted] = await linesOfSession()
  t.equal(first, 'make run\n')
  await startReady(t, join(folder, '.pigeonpost'))

  // A line that hangs is told apart from one that is slow by tap's own time limit.
  const session = runProgram(t, 'sh', ['-euc', pasted.join('\n')], { cwd: folder })
  const code = await session.ended
  const { stdout, stderr } = session.output
  t.equal(code, 0, stderr)
  t.equal(stderr, '')
  for (const [what, seen] of [
    ['the webhook is taken', /"success": ?true/],
    ['its message is stored in a thread', /'inbound' .*'\+27831234567' .*'Hello' .*'active'/],
    ['its event is in the log', /message\.inbound\.created .*body="Hello"\n/],
    ['a message through the API is queued', /"status":"Queued"/],
    ['and read', /"status":"Read"/],
    ['by all steps', /'queued' +│ 'sent'[^]*'sent' +│ 'delivered'[^]*'delivered' +│ 'read'/],
    ['one by SQL is queued', /[0-9a-f-]{36}' +│ 'queued'/],
    ['and read', /'Hello from SQL' +│ 'read'/],
    ['one by the command line is read', /^\S{36} {2}read$/m],
  ] as const) {
    t.match(stdout, seen, what)
  }
})

t.test('the README of db/ names every error of the schema, with its SQLSTATE', async (t) => {
  const fixtures = join(root, 'migrations', 'fixtures')
  const texts = await Promise.all(
    (await readdir(fixtures)).map(async (name) => readFile(join(fixtures, name), 'utf8')),
  )
  const raised = texts
    .join('\n')
    .matchAll(/errcode = '(\w+)',\s+constraint = '(\w+)'(?: \|\| \w+ \|\| '(\w+)')?/g)
  let count = 0
  for (const [, state = '', name = '', end] of raised) {
    const constraint = end ? `${name}<column>${end}` : name
    t.match(
      ofDatabase,
      new RegExp(`\\| \`${state}\` \\| \\d+ \\| \`${constraint}\` \\|`),
      constraint,
    )
    count += 1
  }
  t.equal(count, texts.join('\n').match(/raise exception/g)?.length)
})

t.test('the README of scripts/ names every variable and every command', async (t) => {
  for (const name of Object.keys(variables)) t.match(ofCommands, `| \`${name}\` |`)
  for (const file of await readdir(join(root, 'scripts', 'commands'))) {
    t.match(ofCommands, `| \`${file.replace('.ts', '')}\` |`)
  }
})

t.test('the README has a row for every channel and provider, with what each can do', async (t) => {
  t.ok(readme.split('\n').length <= 201, 'and is short')
  const rows = new Map(
    [...readme.matchAll(/^\|[^|]*\|[^|]*\(`(\w+)`\) \|(.*)\|$/gm)].map(
      ([, name = '', cells = '']) => [name, cells.split('|').map((cell) => cell.trim() === '✓')],
    ),
  )
  t.same(
    [...rows.keys()].toSorted(),
    [...new Set([...channels.keys(), ...providers.keys()])].toSorted(),
  )
  for (const [name, [receives, sends, ...can]] of rows) {
    t.equal(receives, channels.has(name), `${name} receives`)
    // These are started, and are not in the list.
    t.equal(sends, providers.has(name) || ['baileys', 'fakechat'].includes(name), `${name} sends`)
    const channel = channels.get(name)
    if (!channel) continue
    const { receipt, edit, revoke, reaction, group, media } = channel.can
    t.same(can, [receipt, edit, revoke, reaction, group, media], name)
  }
})

t.test('the recipes take as many files as their table says, and each is there', async (t) => {
  const text = await readFile(join(root, 'CONTRIBUTING.md'), 'utf8')
  const [, section = ''] = text.split('\n## Recipes\n')
  const said = [...section.matchAll(/^\| an? (.+?) \| (\d+) \| \d+ \|/gm)]
  const recipes = section.split(/^\*\*An? /m).slice(1)
  const counted = recipes
    .map((recipe) => recipe.match(/^\d\. /gm)?.length ?? 0)
    .filter((n) => n > 0)
  // The recipe of a migration, the last row, is in migrations/README.md.
  t.same(
    said.slice(0, -1).map(([, , n]) => Number(n)),
    counted,
  )
  for (const [, path = ''] of text.matchAll(
    /`((?:adapters|db|migrations|scripts|test)\/[\w./-]+\w)`/g,
  ))
    t.ok(existsSync(join(root, path)), path)
})

t.test('no link of the documents leads nowhere', async (t) => {
  const documents = await globDocuments()
  const texts = new Map(
    await Promise.all(
      documents.map(async (file) => [file, await readFile(join(root, file), 'utf8')] as const),
    ),
  )
  for (const [file, text] of texts) {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#')
      const to = path === '' ? file : normalize(join(dirname(file), path))
      t.ok(existsSync(join(root, to)), `${file}: ${target}`)
      const headings = [...(texts.get(to) ?? '').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        slug(title),
      )
      if (anchor) t.ok(headings.includes(anchor), `${file}: ${target}`)
    }
  }
})

async function globDocuments(): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob(
    ['*.md', '{db,migrations,scripts}/README.md', 'adapters/*/README.md'],
    { cwd: root },
  ))
    found.push(file)
  return found
}

/** As GitHub makes the anchor of a heading. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** The blocks of shell in the section "Try it". */
async function linesOfSession(): Promise<string[]> {
  return codeBlocks('README.md', 'sh', 'Try it')
}
