import t from 'tap'
import { filenameOf } from '../../../adapters/media/disposition.ts'
import { safeFilename } from '../../../adapters/media/filename.ts'

t.test('a name from outside leads nowhere and hides nothing', async (t) => {
  const cases: [given: string | null, extension: string | null, safe: string][] = [
    ['photo.jpg', 'jpg', 'photo.jpg'],
    ['../../etc/passwd', 'pdf', 'passwd.pdf'],
    ['C:\\Users\\x\\report.pdf', 'pdf', 'report.pdf'],
    ['a/b/', 'png', 'file.png'],
    ['/', null, 'file'],
    ['', 'png', 'file.png'],
    [null, null, 'file'],
    ['..', 'png', 'file.png'],
    ['.htaccess', 'pdf', 'htaccess.pdf'],
    ['. . .x.pdf', 'pdf', 'x.pdf'],
    ['a\0b\r\n\tc.pdf', 'pdf', 'abc.pdf'],
    ['invoice\u202Efdp.exe', 'pdf', 'invoicefdp.exe.pdf'],
    ['\u200Fa\u2066b\u200Bc\uFEFFd\u00ADe\u2028f\u3164g\u115F.pdf', 'pdf', 'abcdefg.pdf'],
    ['lone\uD800.pdf', 'pdf', 'lone.pdf'],
    ['a:b*c?"<d>|.pdf', 'pdf', 'a_b_c___d__.pdf'],
    ['CON', 'pdf', '_CON.pdf'],
    ['nul.pdf', 'pdf', '_nul.pdf'],
    ['Com1.txt.pdf', 'pdf', '_Com1.txt.pdf'],
    ['console.pdf', 'pdf', 'console.pdf'],
    ['name. . .', null, 'name'],
    ['two   spaces\u00A0here.pdf', 'pdf', 'two spaces here.pdf'],
    ['Übergröße 🎉.PDF', 'pdf', 'Übergröße 🎉.PDF'],
    ['cafe\u0301.pdf', 'pdf', 'caf\u00e9.pdf'],
    ['שלום.pdf', 'pdf', 'שלום.pdf'],
  ]
  for (const [index, [given, extension, safe]] of cases.entries()) {
    t.equal(safeFilename(given, extension), safe, `name ${index}`)
  }
})

t.test('its extension is the real type’s', async (t) => {
  const cases: [given: string, extension: string | null, safe: string][] = [
    ['photo.png', 'jpg', 'photo.jpg'],
    ['photo.JPEG', 'jpg', 'photo.JPEG'],
    ['photo.exe', 'jpg', 'photo.exe.jpg'],
    ['photo', 'jpg', 'photo.jpg'],
    ['report.v2', 'pdf', 'report.v2.pdf'],
    ['voice.opus', 'ogg', 'voice.opus'],
    ['film.mpeg', 'mpg', 'film.mpeg'],
    ['list.csv', null, 'list.csv'],
    ['photo.jpg', 'bin', 'photo.bin'],
  ]
  for (const [given, extension, safe] of cases) t.equal(safeFilename(given, extension), safe, given)
})

t.test('it has 255 bytes at most, cut between characters, with its extension', async (t) => {
  t.equal(safeFilename(`${'a'.repeat(300)}.pdf`, 'pdf'), `${'a'.repeat(251)}.pdf`)
  const wide = safeFilename(`${'ü'.repeat(300)}.pdf`, 'pdf')
  t.equal(wide, `${'ü'.repeat(125)}.pdf`)
  const flags = safeFilename('🇿🇦'.repeat(100), null)
  t.equal(flags, '🇿🇦'.repeat(31), 'a flag of two code points is not cut in two')
  t.equal(safeFilename(`${'a'.repeat(250)} .b.pdf`, 'pdf'), `${'a'.repeat(250)}.pdf`)
})

t.test('the name in a Content-Disposition is read', async (t) => {
  const cases: [header: string | undefined, name: string | null][] = [
    [undefined, null],
    ['inline', null],
    ['attachment; filename="a b.pdf"', 'a b.pdf'],
    ['attachment; filename=a.pdf; size=3', 'a.pdf'],
    ['attachment; filename="say \\"hi\\".pdf"', 'say "hi".pdf'],
    [`attachment; filename="fallback.pdf"; filename*=UTF-8''%e2%82%ac%20rates.pdf`, '€ rates.pdf'],
    ["attachment; filename*=iso-8859-1'en'%A3.pdf", '£.pdf'],
    ["attachment; filename*=utf-7''x; filename=b.pdf", 'b.pdf'],
    [Buffer.from('attachment; filename="größe.pdf"').toString('latin1'), 'größe.pdf'],
    ['attachment; filename="gr\u00f6\u00dfe.pdf"', 'größe.pdf'],
    ['attachment; filename=""', null],
  ]
  for (const [header, name] of cases) t.equal(filenameOf(header), name, String(header))
})
