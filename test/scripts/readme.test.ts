import { readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { variables } from '../../scripts/app/config.ts'
import { newFolder, runProgram, startReady } from './cli.ts'

const root = join(import.meta.dirname, '..', '..')
const readme = await readFile(join(root, 'README.md'), 'utf8')

t.test('the session that the README shows runs as it is pasted', async (t) => {
  const folder = await newFolder(t)
  for (const name of await readdir(root)) {
    if (!name.startsWith('.') || name === '.tools')
      await symlink(join(root, name), join(folder, name))
  }
  // In place of `make run`, whose setup has run already.
  const [first, ...pasted] = linesOfSession()
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

t.test('the README names every error of the schema, with its SQLSTATE', async (t) => {
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
    t.match(readme, new RegExp(`\\| \`${state}\` \\| \\d+ \\| \`${constraint}\` \\|`), constraint)
    count += 1
  }
  t.equal(count, texts.join('\n').match(/raise exception/g)?.length)
})

t.test('the README names every variable and every command', async (t) => {
  for (const name of Object.keys(variables)) t.match(readme, `| \`${name}\` |`)
  for (const file of await readdir(join(root, 'scripts', 'commands'))) {
    t.match(readme, `| \`${file.replace('.ts', '')}\` |`)
  }
})

/** The blocks of shell in the section "Try it". */
function linesOfSession(): string[] {
  const section = /\n## Try it\n([^]*?)\n## /.exec(readme)?.[1] ?? ''
  return [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, block = '']) => block)
}
