import type { Command } from 'commander'
import { example } from '../example.ts'
import { OutputClosed } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { parseCount } from '../units.ts'

interface NetArgs {
  pods: string
  seeds: string
  story?: boolean
  json?: boolean
}

interface TortureArgs {
  minutes: string
  seed: string
  pods: string
  people: string
  seeds: string
  out?: string
  json?: boolean
}

/** As an internal error's: one of the invariants that we promise was broken. */
const brokenStatus = 4

export function addNet(program: Command, action: Action): void {
  program.commandsGroup('For operators:')
  const net = program.command('net').description('a whole network on this machine')
  example(
    net
      .command('up')
      .description('run pods and seeds on loopback, a process each, until Ctrl-C')
      .option('--pods <count>', 'how many pods', '2')
      .option('--seeds <count>', 'how many seeds', '8')
      .option('--story', 'tell the twelve steps of a letter as they happen')
      .action(action(up)),
    'muttr net up --story',
    'muttr net up --pods 1 --seeds 20 --home /tmp/net --json'
  )
  example(
    net
      .command('torture')
      .description('a network under kills, splits, full disks and bad lines; is anything lost?')
      .option('--minutes <count>', 'how long the faults last', '10')
      .option(
        '--seed <text>',
        'names the plan of faults and letters: the same one, the same plan',
        '1'
      )
      .option('--pods <count>', 'how many pods', '2')
      .option('--people <count>', 'how many people with a node', '4')
      .option('--seeds <count>', 'how many nodes without a person', '6')
      .option('--out <dir>', 'write plan.jsonl, history.jsonl and summary.json there')
      .action(action(torture)),
    'muttr net torture --minutes 10 --seed 7 --out /tmp/torture'
  )
  example(net, 'muttr net up --story', 'muttr net torture --minutes 10')
}

/** Its folders lie in the given home, or in a temporary one; never in `~/.muttr`. */
async function up(session: Session, options: NetArgs): Promise<void> {
  const { givenHome } = session
  const [pods, seeds] = [parseCount(options.pods, 1, 8), parseCount(options.seeds, 0, 200)]
  const doors = await session.doors()
  await printing(session, printer =>
    doors.runNeighbourhood({
      ...printer,
      pods,
      seeds,
      home: givenHome,
      story: options.story ?? false,
      json: options.json ?? false
    })
  )
}

/** @returns the exit status */
async function torture(session: Session, options: TortureArgs): Promise<number> {
  const { givenHome } = session
  const sizes = {
    minutes: parseCount(options.minutes, 1, 10_000),
    pods: parseCount(options.pods, 1, 8),
    people: parseCount(options.people, 2, 16),
    seeds: parseCount(options.seeds, 0, 100)
  }
  const { seed, out = null, json = false } = options
  const doors = await session.doors()
  const { violations } = await printing(session, printer =>
    doors.runTorture({ ...printer, ...sizes, seed, out, json, home: givenHome })
  )
  return violations > 0 ? brokenStatus : 0
}

/** Runs what prints for a long time, and stops it when nobody reads that any more. */
async function printing<T>(
  { out, signal }: Session,
  run: (printer: { print(text: string): void; signal: AbortSignal }) => Promise<T>
): Promise<T> {
  const closed = new AbortController()
  const result = await run({
    print: text => void out.line(text).catch(err => closed.abort(err)),
    signal: AbortSignal.any([signal, closed.signal])
  })
  if (closed.signal.aborted && !(closed.signal.reason instanceof OutputClosed))
    throw closed.signal.reason
  return result
}
