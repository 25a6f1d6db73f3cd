import type { Command } from 'commander'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { UpgradeCheck, Upgraded } from '../pod-upgrade.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, pairs } from '../text.ts'
import { formatBytes, formatDuration, formatTime } from '../units.ts'

export function addPodUpgrade(pod: Command, action: Action): void {
  example(
    pod
      .command('upgrade')
      .description(
        'bring what a pod keeps to the version of this program, as its start does by itself; the pod must not run'
      )
      .option('--check', 'say what that would do, and do nothing; exit status 2 when it cannot')
      .option('--undo', 'go back to what was there before, for an older program')
      .action(action(upgrade)),
    'muttr pod upgrade --check --home /srv/pod',
    'muttr pod upgrade --undo --home /srv/pod'
  )
}

interface UpgradeArgs {
  check?: boolean
  undo?: boolean
}

/** @returns the exit status: 2 when the check finds that it cannot be. */
async function upgrade(session: Session, { check, undo }: UpgradeArgs): Promise<number> {
  const { out, signal, home } = session
  const doors = await session.doors()
  if (check) {
    const found = await doors.checkUpgrade(home)
    await out.result(found, out => checkText(out, found))
    return found.problem === null ? 0 : 2
  }
  const done = await doors.upgradePod({
    ...{ home, signal },
    ...(undo && { undo }),
    onProgress({ step, rows }) {
      if (step === 'wait') return out.note(waits)
      if (out.screen && rows % 20_000 === 1) out.note(`${words[step]}: ${rows} …`)
    }
  })
  await out.result({ upgraded: done }, out =>
    done ? doneText(out, done) : 'There is nothing to do.'
  )
  if (undo) out.note('Start the older program now: this one would upgrade it again.')
  return 0
}

export const waits =
  'Another process has the pod for itself (it upgrades, renames or moves it): this one waits for it.'
const words = { export: 'kept', read: 'read', write: 'written', done: 'done' } as const

const doneText = ({ style }: Output, { from, to, rows, entries, kept }: Upgraded): string =>
  pairs(style, [
    ['version', `${to}, from ${from}`],
    ['holds', `${rows} rows, ${entries} entries, compared`],
    ['kept', kept]
  ])

function checkText(out: Output, c: UpgradeCheck): string {
  const { found, needed, others, steps, exports, problem } = c
  const version =
    found === null
      ? `none yet; this program's is ${needed}`
      : `${found}; this program's is ${needed}`
  const rows: [string, string | string[]][] = [
    ['state', c.store],
    ['version', version],
    ['runs', c.runs ? (steps.length > 0 ? 'yes: stop it first' : 'yes') : 'no']
  ]
  if (others.length > 0)
    rows.push(['processes', others.map(other => `of version ${other ?? 'unknown'}`)])
  rows.push(
    ['to do', steps.length > 0 ? steps : 'nothing'],
    ['space', `${formatBytes(c.neededBytes)} needed, ${formatBytes(c.freeBytes)} free`],
    ['time', steps.length > 0 ? `about ${formatDuration(c.estimateMs)}` : 'none'],
    [
      'kept',
      exports.map(
        e => `${line(e.path)}  ${formatTime(e.madeMs, out.nowMs)}  ${formatBytes(e.sizeBytes)}`
      )
    ],
    // Operators' commands prove who they are by the token in the home, which no upgrade touches.
    [
      'afterwards',
      '`muttr pod …` on this machine needs no login, and works whatever becomes of the state'
    ]
  )
  const said = pairs(
    out.style,
    rows.filter(([, value]) => value.length > 0)
  )
  return problem
    ? `${said}\n\n${out.style.bad(problem.code)}: ${line(problem.message)}\n${line(problem.hint)}`
    : said
}
