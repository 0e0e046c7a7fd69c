import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { channels, providers } from '../../../adapters/channels/registry.ts'

const readme = readFileSync(
  join(import.meta.dirname, '../../../adapters/channels/README.md'),
  'utf8',
)

/** Started by their users, so they are in no registry. */
const started = new Set(['baileys', 'fakechat'])
const abilities = ['edit', 'revoke', 'reaction', 'receipt', 'group', 'media'] as const

function rows(): string[] {
  const names = [...new Set([...channels.keys(), ...providers.keys()])].toSorted()
  return names.map((name) => {
    const channel = channels.get(name)
    const sends = providers.has(name) || started.has(name)
    const serves = channel?.channels ?? providers.get(name)?.channels ?? []
    const cells = [
      `\`${name}\``,
      serves.join(', '),
      channel ? 'yes' : '',
      sends ? 'yes' : '',
      ...abilities.map((ability) => (channel?.can[ability] ? 'yes' : '')),
    ]
    return `| ${cells.join(' | ')} |`
  })
}

t.test('the README says of every channel what it can do', async (t) => {
  const table = readme
    .split('\n')
    .filter((line) => /^\| `\w+` \| [a-z, ]+ \| (yes)? ?\| (yes)? ?\|/.test(line))
    .map((line) => line.replace(/\| +(?=\|)/g, '|  '))
  t.same(table, rows())
})

t.test('the README says how to connect every provider', async (t) => {
  for (const name of providers.keys())
    t.match(readme, new RegExp(`^### .*\\(\`${name}\`\\)$`, 'm'), name)
})

t.test('a channel that signs can verify, and no other has a verify', async (t) => {
  for (const { name, signed, verify } of channels.values()) {
    t.equal(typeof verify === 'function', signed, name)
  }
})
