import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { TortureOptions } from '../../cli/doors.ts'
import { systemClock as clock } from '../../net/clock.ts'
import type { Exchange } from './exchange.ts'
import { createExchange } from './exchange.ts'
import { Faults, possibleFaults, Weather } from './faults.ts'
import { Fleet, nameMembers } from './fleet.ts'
import { Journal } from './journal.ts'
import type { Members } from './plan.ts'
import { makePlan } from './plan.ts'
import { createProbe } from './probe.ts'
import type { Summary } from './report.ts'
import { inWords, progressText, summaryText, violationText } from './report.ts'
import type { RunParts } from './run.ts'
import { carryOutPlan, weigh } from './run.ts'
import { settle } from './settle.ts'
import { Workload } from './work.ts'

/** Up to here one is in a hurry. */
const shortMinutes = 3
const patienceMs = 5 * 60_000

/**
 * A network on this machine that suffers by a plan while people write letters in it, and is judged all the while. Everything it starts ends
 * with it. Source: docs/guides/research.md#make-a-network-suffer
 * @throws {MuttrError} what a node said that could not be started at the beginning; `CANCELLED` by then
 */
export async function runTorture(options: TortureOptions): Promise<{ violations: number }> {
  const { minutes, seed, signal, json, print } = options
  await using stack = new AsyncDisposableStack()
  const say = (type: string, value: object, text: string) =>
    print(json ? JSON.stringify({ type, ...value }) : text)
  const lengthMs = minutes * 60_000
  const members = nameMembers(options)
  const faults = possibleFaults()
  const plan = makePlan({ seed, lengthMs, members, faults })
  const journal = stack.use(
    await Journal.begin({
      clock,
      folder: options.out === null ? null : resolve(options.out),
      onViolation: broken => say('violation', broken, `\n${violationText(broken)}\n`)
    })
  )
  await journal.plan(plan)
  for (const one of plan) if (json || 'forMs' in one) say('plan', one, inWords(one))

  const parts = await startParts(options, members, journal, stack)
  const run: RunParts = {
    ...parts,
    progress: state => say('progress', { atMs: journal.atMs, ...state }, progressText(state))
  }
  const up = run.fleet.running.map(({ name, role, home, running }) => {
    return { name, role, home, pid: running!.child.pid }
  })
  say('up', { nodes: up }, `${up.length} nodes are up; it begins`)
  await weigh(run)
  await carryOutPlan({ ...run, plan, lengthMs, signal })
  const stoppedAtMs = signal.aborted ? journal.atMs : null
  say('healed', { atMs: journal.atMs }, 'No more faults. Waiting for what is on its way')
  const quick = minutes <= shortMinutes || stoppedAtMs !== null
  const { settledMs, copies } = await settle(run, { quick, patienceMs })
  await weigh(run)
  const summary = summaryOf(run, { options, stoppedAtMs, settledMs, copies })
  await journal.summary(summary)
  say('summary', summary, `\n${summaryText(summary)}`)
  return { violations: summary.violations.length }
}

/** Everything that runs: the nodes, the exchange between them, and who asks them. */
async function startParts(
  { home, seed, signal }: TortureOptions,
  members: Members,
  journal: Journal,
  stack: AsyncDisposableStack
): Promise<Omit<RunParts, 'progress'>> {
  // After the start Ctrl-C ends the faults, not the nodes: what was taken is still looked for.
  const life = new AbortController()
  const stop = () => life.abort(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener('abort', stop, { once: true })
  const folder = home === null ? await mkdtemp(join(tmpdir(), 'muttr-torture-')) : resolve(home)
  if (home === null) stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  else await mkdir(folder, { recursive: true })
  const { note } = journal
  let exchange: Exchange | undefined
  const fleet: Fleet = await Fleet.lay({
    members,
    folder,
    isTemporary: home === null,
    exchange: () => exchange!.port,
    onEvent: (who, event) => {
      if (event.type === 'opened') note({ type: 'opened', who, id: event.letter })
      if (event.type === 'refused') note({ ...event, who })
    },
    onEnded: (node, detail) => note({ type: 'down', node, how: 'ended', detail }),
    signal: life.signal
  })
  const weather = new Weather(port => fleet.nameOf(port))
  exchange = stack.use(await createExchange({ clock, way: weather.way, line: weather.line }))
  stack.use(fleet)
  const probe = stack.use(await createProbe())
  await fleet.startAll()
  for (const { name, running } of fleet.running)
    note({ type: 'up', node: name, pid: running!.child.pid })
  const aliasOf = await register(fleet, members, life.signal)
  signal.removeEventListener('abort', stop)
  const faults = new Faults({ fleet, weather, exchange, note })
  const work = new Workload({ fleet, clock, seed, aliasOf, note })
  const { people } = members
  return { clock, fleet, faults, work, probe, journal, people, memory: new Map() }
}

/** Everybody takes an alias at a pod, in turn. */
async function register(
  fleet: Fleet,
  { people, pods }: Members,
  signal: AbortSignal
): Promise<(who: string) => string> {
  const aliases = new Map(people.map((who, i) => [who, `${who}@${pods[i % pods.length]}`]))
  for (const [who, alias] of aliases)
    await fleet.node(who).running!.client.register(alias, { signal })
  return who => {
    const alias = aliases.get(who)
    if (alias === undefined) throw new MuttrError('INTERNAL', `nobody is called ${who}`)
    return alias
  }
}

function summaryOf(
  { journal, fleet, memory, work }: RunParts,
  end: {
    options: TortureOptions
    stoppedAtMs: Millis | null
    settledMs: Millis | null
    copies: Record<string, number>
  }
): Summary {
  const { counts, checks, faults, unsent } = journal
  const { seed, minutes } = end.options
  const { stoppedAtMs, settledMs, copies } = end
  return {
    seed,
    minutes,
    nodes: fleet.nodes.size,
    stoppedAtMs,
    faults: faults.toJSON(),
    leftOut: possibleFaults().includes('disk-full') ? [] : ['disk-full'],
    letters: {
      sent: checks.taken,
      shown: checks.shown,
      withdrawn: [...work.letters.values()].filter(letter => letter.isRetracted).length,
      unsent: unsent.toJSON()
    },
    blobs: {
      put: counts.of('put'),
      few: counts.of('few'),
      unput: counts.of('unput'),
      got: counts.of('got')
    },
    copies,
    released: checks.released.size,
    questions: counts.of('asked'),
    settledMs,
    memory: [...memory].map(([node, samples]) => ({ node, samples })),
    violations: checks.violations
  }
}
