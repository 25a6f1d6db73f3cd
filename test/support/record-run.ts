import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageRoot } from '../../src/config/package-root.ts'

/**
 * Draws docs/run.svg from a real run of `npm start`: what it printed, each line appearing when it did.
 * `node test/support/record-run.ts`
 */
interface Line {
  atMs: number
  text: string
}

const child = spawn(process.execPath, [join(packageRoot, 'bin/muttr.js'), 'net', 'up', '--story'], {
  stdio: ['ignore', 'pipe', 'inherit']
})
const beganMs = performance.now()
const lines: Line[] = [{ atMs: 0, text: '$ npm ci && npm start' }]
for await (const text of createInterface({ input: child.stdout })) {
  if (text.startsWith('or join it yourself')) break
  lines.push({
    atMs: performance.now() - beganMs,
    text: text.replaceAll(/\/\S*\/muttr-\w+/g, '/tmp/muttr')
  })
}
child.kill('SIGINT')
await once(child, 'exit')
while (lines.at(-1)?.text === '') lines.pop()

const columns = Math.max(...lines.map(({ text }) => text.length))
const [charPx, linePx, marginPx] = [7.85, 19, 18]
const width = Math.ceil(columns * charPx + 2 * marginPx)
const height = Math.ceil(lines.length * linePx + 2 * marginPx)
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const drawn = lines.map(({ atMs, text }, i) => {
  const kind = /^\s?\d+ {2}/.test(text) ? 'step' : text.startsWith('$') ? 'typed' : 'said'
  const y = marginPx + (i + 1) * linePx - 5
  const delay = `animation-delay:${(atMs / 1000).toFixed(2)}s`
  return `<text xml:space="preserve" class="${kind}" x="${marginPx}" y="${y}" style="${delay}">${escaped(text)}</text>`
})
writeFileSync(
  join(packageRoot, 'docs/run.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>A run of npm start: the twelve steps of a letter between ten processes</title>
<style>
rect { fill: #10151c }
text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #aeb9c5; animation: shown 0.2s backwards }
.step { fill: #8fd6a4 }
.typed { fill: #ffffff }
@keyframes shown { from { opacity: 0 } }
@media (prefers-reduced-motion: reduce) { text { animation: none } }
</style>
<rect width="100%" height="100%" rx="8"/>
${drawn.join('\n')}
</svg>
`
)
