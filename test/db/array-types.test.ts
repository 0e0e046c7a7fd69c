import t from 'tap'
import { connect } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'

t.test('arrays go to the server and come back as they were', async (t) => {
  const { url } = await testDatabase(t, { blank: true })
  const sql = connect(url, { max: 1 })
  t.teardown(async () => sql.end())
  const texts = [
    '',
    'plain',
    'a,b',
    '{"}',
    String.raw`back\slash "quoted"`,
    'NULL',
    'null',
    ' a ',
    'two\nlines',
    'é',
  ]
  const uuid = '01940000-0000-7000-8000-000000000001'
  const [row] = await sql`
    select ${texts}::text[] as texts, array_length(${texts}::text[], 1) as count, ${[1, 2 ** 40]}::bigint[] as bigints,
      ${[3, -4]}::integer[] as integers, array[true, false, null] as booleans, ${[uuid]}::uuid[] as uuids,
      ${[1.5]}::double precision[] as doubles, ${[]}::text[] as none, array['a', null, 'b'] as with_null,
      ${['a', null]}::text[] as null_sent, 2::bigint as one, ${'x'}::text as text`
  t.same(row, {
    texts,
    count: texts.length,
    bigints: [1, 2 ** 40],
    integers: [3, -4],
    booleans: [true, false, null],
    uuids: [uuid],
    doubles: [1.5],
    none: [],
    with_null: ['a', null, 'b'],
    null_sent: ['a', null],
    one: 2,
    text: 'x',
  })
})
