/** Seeded damage to sample payloads: bytes flipped, cut, doubled and swapped for others that mean something. */

/** Marsaglia's xorshift, so that a failure comes again. */
export function random(seed: number): (below: number) => number {
  let state = seed | 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const tokens = [
  '{}',
  '[]',
  'null',
  '""',
  '-1',
  '1e999',
  '\u0000',
  '\ud800',
  '<',
  '>',
  '\r\n\r\n',
  '--',
  '=?utf-8?q?=ff?=',
  ';',
  ',',
  '&#xd800;',
  '"',
  '\\',
]

/** `count` damaged copies, with what they were made of. */
export function* mutations(
  samples: (string | Buffer)[],
  count: number,
  seed = 1,
): Generator<{ body: Buffer; sample: number }> {
  const next = random(seed)
  for (let n = 0; n < count; n++) {
    const sample = next(samples.length)
    let body = Buffer.from(samples[sample] ?? '')
    for (let edits = 1 + next(4); edits > 0; edits--) {
      const at = next(body.length + 1)
      const to = Math.min(body.length, at + next(40))
      const token = Buffer.from(tokens[next(tokens.length)] ?? '')
      const insert = [token, Buffer.from([next(256)]), Buffer.alloc(0), body.subarray(at, to)][
        next(4)
      ]
      body = Buffer.concat([
        body.subarray(0, at),
        insert ?? token,
        body.subarray(next(2) ? at : to),
      ])
    }
    yield { body, sample }
  }
}
