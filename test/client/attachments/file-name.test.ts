import assert from 'node:assert/strict'
import { basename, join, win32 } from 'node:path'
import fc from 'fast-check'
import { fileName } from '../../../src/client/attachments/file-name.ts'

describe('the name of a file that came with a letter', () => {
  it('is one plain name, whatever its sender wrote', () => {
    const cases: [said: string, shown: string][] = [
      ['report.pdf', 'report.pdf'],
      ['Grüße aus Köln.txt', 'Grüße aus Köln.txt'],
      ['写真 2026.jpg', '写真 2026.jpg'],
      ['../../.ssh/authorized_keys', 'authorized_keys'],
      ['/etc/passwd', 'passwd'],
      ['..\\..\\boot.ini', 'boot.ini'],
      ['.bashrc', '_bashrc'],
      ['..', 'attachment-3'],
      ['', 'attachment-3'],
      ['folder/', 'attachment-3'],
      ['\u202egpj.exe', 'gpj.exe'],
      ['photo\u2066.exe\u2069.jpg', 'photo.exe.jpg'],
      ['\u001b[31mred\u001b[0m.txt', '[31mred[0m.txt'],
      ['a\nb\tc.txt', 'abc.txt'],
      ['invis\u200bible\ufeff.txt', 'invisible.txt'],
      ['file.txt:stream', 'file.txt_stream'],
      ['con', '_con'],
      ['NUL.txt', '_NUL.txt'],
      ['name. . ', 'name'],
      ['\ud800half', '\ufffdhalf']
    ]
    for (const [said, shown] of cases) assert.equal(fileName(said, 2), shown)
  })

  it('stays in the folder it is written to, and says the same when cleaned again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), said => {
        const name = fileName(said, 0)
        assert.equal(basename(join('/folder', name)), name)
        assert.equal(win32.basename(name), name)
        assert.ok(name !== '' && !name.startsWith('.') && !/\p{Cc}|\p{Bidi_Control}/u.test(name))
        assert.ok(Buffer.byteLength(name) <= 200)
        assert.equal(fileName(name, 0), name)
      })
    )
  })

  it('that is too long keeps its ending', () => {
    const name = fileName(`${'ä'.repeat(300)}.tar`, 0)
    assert.match(name, /^ä+\.tar$/)
    assert.ok(Buffer.byteLength(name) <= 200)
  })
})
