import t from 'tap'
import { parseRetryAfter } from '../../../../adapters/channels/shared/retry-after.ts'

const now = Date.UTC(1994, 10, 6, 8, 49, 30)

const cases: [header: string | null | undefined, ms: number | undefined][] = [
  ['7', 7_000],
  [' 120 ', 120_000],
  ['0', 0],
  ['0.5', 500],
  // RFC 9110, section 5.6.7: the three forms of one moment.
  ['Sun, 06 Nov 1994 08:49:37 GMT', 7_000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 7_000],
  ['Sun Nov  6 08:49:37 1994', 7_000],
  ['Sun, 06 Nov 1994 08:49:20 GMT', 0],
  ['99999999999999', 30 * 86_400_000],
  ['-7', undefined],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
]

t.test('Retry-After is read in seconds and as a date', async (t) => {
  for (const [header, ms] of cases) t.equal(parseRetryAfter(header, now), ms, String(header))
})
