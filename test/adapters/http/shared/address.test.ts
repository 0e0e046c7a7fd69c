import t from 'tap'
import { addressOn, ownAddressOn, senderOf } from '../../../../adapters/http/shared/address.ts'

const wrong = { details: { code: 'phone_invalid', field: 'to' } } as never

t.test(
  'a channel of phones takes numbers in full, and the ids of those who show none',
  async (t) => {
    t.equal(addressOn('whatsapp', ' +27 83 123 4567 '), '+27831234567')
    for (const id of ['someone@lid', '27831234567@s.whatsapp.net', 'US.13491208655302741918']) {
      t.equal(addressOn('whatsapp', ` ${id} `), id)
      t.throws(() => addressOn('sms', id, 'to'), wrong)
    }
    t.equal(addressOn('sms', '32665'), '32665')
    for (const text of ['somebody', '0831234567', '27831234567', '+2783', 'a@b.example', '']) {
      for (const channel of ['whatsapp', 'sms', 'fakechat']) {
        t.throws(() => addressOn(channel, text, 'to'), wrong, `${channel} ${text}`)
      }
      t.equal(addressOn('telegram', ` ${text} `), text)
    }
  },
)

t.test('an address of ours may be a short code or a name, and no half of a number', async (t) => {
  for (const text of ['+27831234567', '083', 'PIGEONPOST']) t.equal(ownAddressOn('sms', text), text)
  t.throws(() => ownAddressOn('sms', '083 123 4567', 'to'), wrong)
  for (const text of ['+12016661234', '12345', 'PIGEONPOST']) t.equal(senderOf(text), text)
  for (const text of ['2016661234', '12', 'a name that is too long']) t.equal(senderOf(text), null)
})
