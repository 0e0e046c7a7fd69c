import t from 'tap'
import { readDatabaseUrl } from '../../../db/connection/address.ts'

t.test('what a URL says', async (t) => {
  const cases: [string, object][] = [
    [
      'postgres://me:p%40ss@db.example.com/app',
      {
        hosts: [{ host: 'db.example.com', port: 5432 }],
        user: 'me',
        password: 'p@ss',
        database: 'app',
        sslMode: 'disable',
        targetSessionAttrs: 'any',
      },
    ],
    [
      'postgresql://me@one:6000,two,[::1]:7000/app',
      {
        hosts: [
          { host: 'one', port: 6000 },
          { host: 'two', port: 5432 },
          { host: '::1', port: 7000 },
        ],
        targetSessionAttrs: 'read-write',
      },
    ],
    [
      'postgres://one,two/app?port=6001,6002&target_session_attrs=primary',
      {
        hosts: [
          { host: 'one', port: 6001 },
          { host: 'two', port: 6002 },
        ],
        targetSessionAttrs: 'primary',
      },
    ],
    [
      'postgres://me@/app?host=/run/postgresql&port=5433',
      { hosts: [{ host: '/run/postgresql', port: 5433 }], user: 'me', database: 'app' },
    ],
    [
      'postgres://%2Frun%2Fpostgresql/app',
      { hosts: [{ host: '/run/postgresql', port: 5432 }], database: 'app' },
    ],
    [
      'postgres:///app?host=one&user=me&password=a%26b&dbname=other&search_path=x&application_name=y',
      {
        hosts: [{ host: 'one', port: 5432 }],
        user: 'me',
        password: 'a&b',
        database: 'other',
        settings: { search_path: 'x' },
      },
    ],
    [
      'postgres://one/app?sslmode=require',
      { sslMode: 'require', tls: { rejectUnauthorized: false } },
    ],
    ['postgres://one/app?sslmode=verify-full', { sslMode: 'verify-full', tls: {} }],
    ['postgres://one/app?sslrootcert=system', { sslMode: 'verify-full', tls: {} }],
  ]
  for (const [url, expected] of cases) t.match(readDatabaseUrl(url), expected, url)
})

t.test('what cannot be taken is refused by name, and the password is never quoted', async (t) => {
  const cases: [string, RegExp][] = [
    ['mysql://me:hunter2@one/app', /is not a PostgreSQL URL/],
    ['postgres://me:hunter2@/app', /names no host/],
    ['postgres://me:hunter2@one,/app', /names no host/],
    ['postgres://me:hunter2@one:99999/app', /has the port "99999"/],
    ['postgres://me:hunter2%@one/app', /a % in its user or password that encodes nothing/],
    ['postgres://me:hunter2@one/app#x', /holds a "#"/],
    ['postgres://me:hunter2@one/app?sslmode=maybe', /has sslmode=maybe; give disable, allow/],
    [
      'postgres://me:hunter2@one/app?target_session_attrs=standby',
      /give any, read-write or primary/,
    ],
    ['postgres://me:hunter2@one/app?channel_binding=require', /the parameter "channel_binding"/],
    ['postgres://me:hunter2@one/app?sslrootcert=/nowhere', /sslrootcert "\/nowhere"/],
  ]
  for (const [url, message] of cases) {
    t.throws(() => readDatabaseUrl(url), { name: 'InvalidInputError', message }, url)
    try {
      readDatabaseUrl(url)
    } catch (error) {
      t.notMatch(String(error), /hunter2/)
    }
  }
})
