/** Numbers in [0, 1) from a seed: the same ones each time (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const strange: unknown[] = [
  null,
  true,
  0,
  -1,
  1e300,
  1.5,
  2 ** 60,
  '',
  'x',
  '\u0000',
  '\ud800',
  '99999999999999999999',
  [],
  {},
  [null],
  { id: {} },
  '__proto__',
]

/** The value with a few of its parts replaced by something strange, taken out, or put elsewhere. */
export function mutateJson(value: unknown, next: () => number): unknown {
  const copy: unknown = structuredClone(value)
  const places: [holder: Record<string, unknown>, key: string][] = []
  const walk = (at: unknown) => {
    if (typeof at !== 'object' || at === null) return
    const holder = at as Record<string, unknown>
    for (const key of Object.keys(holder)) {
      places.push([holder, key])
      walk(holder[key])
    }
  }
  walk(copy)
  for (let i = 0; i <= next() * 3; i++) {
    const [holder, key] = places[Math.floor(next() * places.length)] ?? []
    if (!holder || key === undefined) continue
    const [other, otherKey] = places[Math.floor(next() * places.length)] ?? []
    const what = next()
    if (what < 0.25) Reflect.deleteProperty(holder, key)
    else if (what < 0.5 && other && otherKey !== undefined)
      holder[key] = structuredClone(other[otherKey])
    else holder[key] = strange[Math.floor(next() * strange.length)]
  }
  return copy
}

/** The bytes of a JSON with one of them changed, or cut off. */
export function mutateBytes(bytes: Buffer, next: () => number): Buffer {
  const at = Math.floor(next() * bytes.length)
  if (next() < 0.5) return bytes.subarray(0, at)
  const copy = Buffer.from(bytes)
  copy[at] = Math.floor(next() * 256)
  return copy
}
