import t from 'tap'
import { errorOf, testApi } from './support/api.ts'

t.test('/openapi.json and /docs are open to everyone, and nothing else becomes so', async (t) => {
  const { api } = await testApi(t)
  const document = await fetch(`${api.url}/openapi.json`)
  t.equal(document.status, 200)
  t.match(document.headers.get('content-type'), /^application\/json/)
  t.match(document.headers.get('content-security-policy'), /default-src 'none'/)
  t.match(await document.json(), { openapi: '3.1.0', info: { version: '1.2.3' } })
  t.equal((await fetch(`${api.url}/docs`)).status, 200)
  t.equal((await fetch(`${api.url}/api/v1/messages`)).status, 401)
})

t.test(
  'everything that the page names comes from here, is what it says, and is let in',
  async (t) => {
    const { api } = await testApi(t)
    const page = await fetch(`${api.url}/docs`)
    t.match(page.headers.get('content-type'), /^text\/html/)
    const html = await page.text()
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
    t.ok(named.length >= 6)
    const types: Record<string, RegExp> = {
      css: /^text\/css/,
      js: /javascript/,
      png: /^image\/png/,
    }
    for (const url of named) {
      const asset = new URL(url, `${api.url}/docs`)
      t.equal(asset.origin, api.url, url)
      const response = await fetch(asset)
      t.equal(response.status, 200, url)
      t.match(response.headers.get('content-type'), types[url.split('.').at(-1) ?? ''], url)
      t.equal(response.headers.get('x-content-type-options'), 'nosniff')
      t.ok((await response.arrayBuffer()).byteLength > 0, url)
    }
    const policy = page.headers.get('content-security-policy') ?? ''
    t.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:/)
    t.match(policy, /frame-ancestors 'none'/)
    t.notMatch(policy, /unsafe|https?:|\*/)
    t.notMatch(html, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i, 'nothing is inline')
  },
)

t.test('the page reads the same document', async (t) => {
  const { api } = await testApi(t)
  const start = await (await fetch(`${api.url}/docs/static/swagger-initializer.js`)).text()
  t.match(start, /resolveUrl\('\.\/json'\)/)
  t.match(start, /validatorUrl: null/, 'and sends it to nobody')
  const [shown, served] = await Promise.all(
    ['/docs/json', '/openapi.json'].map(async (path) => (await fetch(api.url + path)).json()),
  )
  t.same(shown, served)
})

t.test('without keys, foreign pages may read neither', async (t) => {
  const { api, get } = await testApi(t, { auth: 'none' })
  for (const path of ['/docs', '/openapi.json']) {
    t.equal((await fetch(api.url + path)).status, 200)
    const foreign = await fetch(api.url + path, { headers: { origin: 'https://example.com' } })
    t.equal(foreign.status, 403, path)
  }
  t.match(errorOf(t, await get('/api/v1/none')).code, 'route_unknown')
})
