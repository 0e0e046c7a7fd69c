import t from 'tap'
import { findKey } from '../../db/keys/find.ts'
import { connect } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { complete } from './cli.ts'

t.test('keys are made, listed, rotated and revoked', async (t) => {
  const { url } = await testDatabase(t)
  const sql = connect(url, { max: 2 })
  t.teardown(() => sql.end())
  const keys = async (...args: string[]) =>
    complete(t, ['keys', ...args], { env: { DATABASE_URL: url } })

  t.match(await keys('list'), { code: 0, stdout: /no keys/ })
  const made = await keys(
    'create',
    '--name',
    'shop',
    '--scope',
    'webhooks',
    '--expires',
    '90d',
    '--rate-per-minute',
    '60',
  )
  t.equal(made.code, 0, made.stderr)
  const key = made.stdout.trim()
  t.match(await findKey(sql, key), { tenantId: 1, scopes: ['webhooks'], ratePerMinute: 60 })
  const listed = await keys('list')
  t.match(listed.stdout, new RegExp(`${key.slice(0, 9)}….*shop +webhooks +60`))
  t.notMatch(listed.stdout, key.slice(0, 14), 'and shows no more of it')

  const rotated = await keys('rotate', key.slice(0, 9), '--grace', '1h', '--json')
  t.equal(rotated.code, 0, rotated.stderr)
  const second = JSON.parse(rotated.stdout)
  t.match(second, { name: 'shop', scopes: ['webhooks'], ratePerMinute: 60, revokedAt: null })
  const days = (Date.parse(second.expiresAt) - Date.now()) / 86_400_000
  t.ok(days > 89 && days <= 90, 'and works as long as the old one was to')
  t.ok(await findKey(sql, key), 'the old one works for an hour')
  t.ok(await findKey(sql, second.key))

  const cut = await keys('rotate', second.id)
  t.equal(cut.code, 0, cut.stderr)
  t.equal(await findKey(sql, second.key), null, 'and at once where no grace is given')
  t.match(await keys('rotate', second.id), { code: 1, stderr: /no key/ })
  t.ok(await findKey(sql, cut.stdout.trim()))
  t.match(await keys('revoke', cut.stdout.slice(0, 9)), { code: 0, stdout: /is revoked/ })
  t.equal(await findKey(sql, cut.stdout.trim()), null)
  t.equal(JSON.parse((await keys('list', '--json')).stdout).keys.length, 1)
  t.equal(JSON.parse((await keys('list', '--all', '--json')).stdout).keys.length, 3)

  t.match(await keys('create', '--name', 'x', '--scope', 'everything'), { code: 2 })
  t.match(await keys('create', '--name', 'x', '--expires', '2001-01-01'), { code: 2 })
  t.match(await keys('create', '--name', 'x', '--rate-per-minute', '0'), { code: 2 })
  t.match(await keys('create'), { code: 2, stderr: /--name/ })
  t.match(await keys('revoke', key.slice(0, 9), '--tenant', '2'), { code: 1, stderr: /tenant 2/ })
  const other = await keys('create', '--name', 'theirs', '--tenant', '2')
  t.match(other, { code: 0, stdout: /^pp_2_/ })
})
