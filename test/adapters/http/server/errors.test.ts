import t from 'tap'
import { statusOf } from '../../../../adapters/http/server/errors.ts'
import * as media from '../../../../adapters/media/errors.ts'
import * as db from '../../../../db/errors.ts'

t.test(
  'every class of error but the base has a status, of the request’s or of the moment’s',
  async (t) => {
    const classes = [...Object.values(db), ...Object.values(media)].filter(
      (value): value is typeof db.PigeonpostError =>
        value === db.PigeonpostError || value.prototype instanceof db.PigeonpostError,
    )
    t.ok(classes.length > 12, 'classes are found')
    for (const Class of classes) {
      const status = statusOf(new Class('wrong', { code: 'wrong' }))
      if (Class === db.PigeonpostError) t.equal(status, 500)
      else t.ok(status >= 400 && status !== 500, Class.name)
    }
  },
)

t.test(
  'a call is worth repeating after a deadlock, a limit and an outage, and not after a refusal',
  async (t) => {
    const thrown = (code: string) => Object.assign(new Error('of the driver'), { code })
    for (const code of ['40P01', '40001', '55P03', '57P01', 'ECONNREFUSED']) {
      t.ok(db.isRetryable(thrown(code)), code)
    }
    for (const code of ['23505', '23514', '42P01', 'PPV01'])
      t.notOk(db.isRetryable(thrown(code)), code)
    t.ok(db.isRetryable(new db.RateLimitedError('too often', { code: 'rate_limited' })))
    t.notOk(db.isRetryable(new db.ConflictError('taken', { code: 'taken' })))
    t.notOk(db.isRetryable('no error'))
  },
)
