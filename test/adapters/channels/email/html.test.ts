import t from 'tap'
import { htmlToText, looksLikeHtml } from '../../../../adapters/channels/email/html.ts'

const cases: [html: string, text: string, what: string][] = [
  ['<p>One</p><p>Two</p>', 'One\n\nTwo', 'paragraphs are apart'],
  ['One<br>Two<br/>Three', 'One\nTwo\nThree', 'a break is a line'],
  ['<div>One</div><div>Two\n  three</div>', 'One\n\nTwo three', 'white space is one blank'],
  ['<ul><li>One</li><li>Two</li></ul>', '- One\n- Two', 'items have dashes'],
  ['<table><tr><td>A</td><td>B</td></tr></table>', 'A B', 'cells are apart'],
  ['<style>p{}</style><script>if (a<b) x("</p>")</script>Text', 'Text', 'code is left out'],
  ['<html><head><title>T</title></head><body>Text</body></html>', 'Text', 'the title is left out'],
  ['a<!-- <p>no</p> -->b', 'ab', 'comments are left out'],
  [
    '1 &lt; 2 &amp;&amp; 3 > 2 &eacute;&euro;&#8364;&#x1F600;&nbsp;&hearts;',
    '1 < 2 && 3 > 2 é€€😀 ♥',
    'entities are read',
  ],
  ['&amp;lt;b&amp;gt;', '&lt;b&gt;', 'entities are read once'],
  [
    '&#128; 5, &#x93;so&#x94;, &#65',
    '€ 5, “so”, A',
    'as browsers read those of Windows, and those not closed',
  ],
  ['a < b and c > d', 'a < b and c > d', 'a bracket that opens no tag is text'],
  [
    '<a href="https://x.example/?a=1&amp;b=2">here</a>',
    'here (https://x.example/?a=1&b=2)',
    'a link shows where to',
  ],
  ['<a href="https://x.example">https://x.example</a>', 'https://x.example', 'once'],
  ['<a href="javascript:x()">here</a>', 'here', 'a script is nowhere to go'],
  [
    '<img alt="Our logo" src=x><p title="a>b">Text</p>',
    'Our logo\n\nText',
    'pictures say what they show',
  ],
  ['<pre>a\n  b</pre>', 'a\nb', 'lines of code stay lines'],
  ['<p', '<p', 'a tag that never ends is text'],
  ['<p title="x>Text</p>', 'Text', 'a quote that never ends ends with its tag'],
  ['<script>never closed', '', 'a script that never ends is a script'],
  ['日本<b>語</b>', '日本語', 'inline tags leave no mark'],
]

t.test('HTML becomes the text that it shows', async (t) => {
  for (const [html, text, what] of cases) t.equal(htmlToText(html), text, what)
})

t.test('every HTML takes time in proportion to its length', async (t) => {
  for (const piece of [
    '<',
    '<!--',
    '<a "',
    '<a href=http://x>',
    '</a>',
    '<script',
    '<pre>',
    '&#',
    '\u0001',
    '<p title="',
    '<br',
    '\n',
  ]) {
    const html = piece.repeat(Math.ceil(400_000 / piece.length))
    // Of this process: what others do on the machine does not count.
    const start = process.cpuUsage()
    htmlToText(html)
    looksLikeHtml(html)
    const { user, system } = process.cpuUsage(start)
    const ms = (user + system) / 1_000
    t.ok(ms < 3000, `${JSON.stringify(piece)} took ${ms} ms`)
  }
})

t.test('text is told from HTML', async (t) => {
  for (const html of [
    '<html><body>html is <b>allowed</b></body></html>',
    'a<br>b',
    '<p>x</p>',
    '<!DOCTYPE html>x',
  ])
    t.ok(looksLikeHtml(html), html)
  for (const text of ['Hello', '1 < 2 > 0', 'use the <tag> here', 'me <me@example.com>'])
    t.notOk(looksLikeHtml(text), text)
})
