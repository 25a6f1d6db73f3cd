import type { Millis } from '../base/ports.ts'
import { line } from './text.ts'
import { grouped } from './units.ts'

/** A page to print: the words, and a QR code of them. It loads nothing from anywhere. */
export async function recoveryPage(shown: {
  name: string
  fingerprint: string
  words: readonly string[]
  nowMs: Millis
}): Promise<string> {
  const { encodeQR } = await import('qr')
  const { words } = shown
  const numbered = words.map((word, i) => `<li value="${i + 1}">${escaped(word)}</li>`).join('')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Muttr recovery: ${escaped(shown.name)}</title>
<style>
body { font: 12pt/1.5 system-ui, sans-serif; max-width: 36em; margin: 3em auto; color: #000; background: #fff }
ol { columns: 3; font: 600 14pt/1.9 ui-monospace, monospace; padding-left: 2.5em }
svg { width: 12em; height: 12em; display: block; margin: 1.5em 0 }
code { font-size: 10pt }
</style>
<h1>Recovery of ${escaped(shown.name)}</h1>
<p>With these twelve words and a backup, whoever holds this page is you. Keep it where nobody else looks, and not beside the backup.</p>
<ol>${numbered}</ol>
${encodeQR(words.join(' '), 'svg')}
<p>Key <code>${escaped(grouped(shown.fingerprint))}</code>, printed ${new Date(shown.nowMs).toISOString().slice(0, 10)}.</p>
<p>To use it: <code>muttr restore FILE</code> with a file that <code>muttr backup</code> made.</p>
</html>
`
}

const escaped = (text: string): string =>
  line(text).replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)
