import type { Command } from 'commander'
import type { Finding } from '../../pod/health.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, widthOf } from '../text.ts'

export function addPodDoctor(pod: Command, action: Action): void {
  example(
    pod
      .command('doctor')
      .description(
        'look at what a pod needs: names, ports, certificate, disk, memory, network; exit status 2 when something is bad'
      )
      .action(action(doctor)),
    'muttr pod doctor --home /srv/pod',
    'muttr pod doctor --home /srv/pod --json'
  )
}

/** @returns the exit status: 2 when something is bad. Warnings are for people. */
async function doctor(session: Session): Promise<number> {
  const doors = await session.doors()
  const findings = await doors.examinePod(session.home, session.signal)
  await session.out.results(findings, out => findingsText(out, findings))
  return findings.some(({ level }) => level === 'bad') ? 2 : 0
}

const marks = { good: '✓', warning: '!', bad: '✗' } as const
const barCells = 10

function findingsText({ style }: Output, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => widthOf(what)))
  const dye = { good: style.good, warning: style.bold, bad: style.bad } as const
  const lines = findings.map(({ what, level, code, detail, hint, used }) => {
    const mark = dye[level](marks[level])
    const bar = used === undefined ? '' : `${barOf(used)}  `
    const first = `${mark} ${style.bold(line(what).padEnd(width))}  ${bar}${line(detail)}`
    return hint === null || level === 'good'
      ? first
      : `${first}\n  ${' '.repeat(width)}  ${code}: ${line(hint)}`
  })
  const count = (level: Finding['level']) => findings.filter(f => f.level === level).length
  const said = `${count('good')} good, ${count('warning')} to look at, ${count('bad')} bad`
  return [...lines, '', dye[count('bad') > 0 ? 'bad' : 'good'](said)].join('\n')
}

function barOf(used: number): string {
  const full = Math.round(Math.min(1, Math.max(0, used)) * barCells)
  return '█'.repeat(full) + '░'.repeat(barCells - full)
}
