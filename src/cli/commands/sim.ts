import type { Command } from 'commander'
import { Option } from 'commander'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { showCompared, showDone, showProgress, showScenarios } from '../sim-text.ts'
import type { SimDone, SimProgress, SimRunOptions, SimShow, Simulator } from '../simulator.ts'
import { json, line } from '../text.ts'
import { parseCount, parseDuration, usage } from '../units.ts'

interface RunArgs {
  nodes?: string
  hours?: string
  scale?: string
  seed?: string
  seeds?: string
  threads?: string
  shard?: string
  queue?: string
  lease?: string
  out?: string
}

interface ReportArgs {
  table?: string
  plot?: string
  svg?: string
  queue?: string
  sweep?: string
}

/** As an internal error's: one of the invariants that we promise was broken. */
const brokenStatus = 4
const nodesMax = 10_000_000
const leaseMsMin = 1_000

export function addSim(program: Command, action: Action): void {
  program.commandsGroup('For operators:')
  const sim = program
    .command('sim')
    .description('a virtual network of any size, by the code that ships')
  example(
    sim.command('list').description('the scenarios that come with muttr').action(action(list)),
    'muttr sim list'
  )
  example(
    runOptions(
      sim
        .command('run')
        .description('run one scenario')
        .argument('<scenario>', 'a name of `muttr sim list`, or a .ts, .js or .json file')
        .option('--seed <number>', 'the same seed gives the same run, to the bit')
    ).action(action(run)),
    'muttr sim run third-gone --nodes 200 --seeds 1..5 --out /tmp/third-gone',
    'muttr sim run ./mine.json --json'
  )
  example(
    runOptions(
      sim
        .command('sweep')
        .description('run a scenario at every point of its grid; goes on where it was stopped')
        .argument('<scenario>', 'as of `muttr sim run`, with a grid')
        .option('--shard <i/n>', 'this part of it only, as in 2/8: one part a machine')
        .option('--queue <url>', 'share it with others through a PostgreSQL: postgres://…')
        .option('--lease <duration>', 'a worker silent for so long has lost its runs (default: 1m)')
    ).action(action(sweep)),
    'muttr sim sweep lookup-hops --out /tmp/hops',
    'muttr sim sweep ./mine.json --shard 2/8 --out /shared/mine',
    'muttr sim sweep ./mine.json --queue postgres://me@db.example/sims'
  )
  example(
    sim
      .command('compare')
      .description('figures of two folders beside each other, and whether they differ')
      .argument('<a>', 'a folder of `run` or `sweep`')
      .argument('<b>', 'another one')
      .action(action(compare)),
    'muttr sim compare /tmp/eight-copies /tmp/twelve-copies'
  )
  example(
    sim
      .command('report')
      .description('make summary, tables and report.html anew of the runs in a folder')
      .argument('<dir>', 'a folder of `run` or `sweep`')
      .option('--table <columns>', 'print these instead, as Markdown: nodes,found,time.lost@12')
      .option('--plot <x:y[:line]>', 'draw one plot, as in "nodes:get ms p50:parameters.alpha"')
      .option('--svg <file>', 'where the plot is written')
      .option('--queue <url>', 'fetch into the folder what this PostgreSQL has')
      .option('--sweep <name>', 'of which scenario; needed when the queue has several')
      .action(action(report)),
    'muttr sim report /tmp/hops',
    'muttr sim report /tmp/hops --table "nodes,lookup hops p50" --plot "nodes:lookup hops p50" --svg hops.svg'
  )
  example(
    sim
      .command('replay')
      .description('run again from the seed, and print what happened up to a moment')
      .argument('<dir>', 'a folder of `run` or `sweep`')
      .addOption(new Option('--at <duration>', 'virtual time from the start, as in 90m or 12h'))
      .addOption(
        new Option(
          '--event <number>',
          'up to this event, counted with those that made the network'
        ).conflicts('at')
      )
      .option('--dump <file>', 'write how each node stands then: whom it knows, what it holds')
      .option('--requests', 'print each request of a seed too, from the start on; scale full')
      .option('--run <id>', 'which run; its first digits are enough')
      .option('--variant <file>', 'the variant of the protocol that was run, where one was')
      .action(action(replay)),
    'muttr sim replay /tmp/third-gone --at 13h --run 4f1c',
    'muttr sim replay /tmp/third-gone --at 13h --run 4f1c --dump then.jsonl'
  )
  example(sim, 'muttr sim list', 'muttr sim run third-gone --out /tmp/third-gone')
}

const runOptions = (command: Command): Command =>
  command
    .option('--nodes <count>', 'instead of what the scenario says')
    .option('--hours <number>', 'how much virtual time, instead of what the scenario says')
    .addOption(
      new Option(
        '--scale <scale>',
        'full: the code that ships; wide: up to a million nodes; real: processes, in real time'
      ).choices(['full', 'wide', 'real'])
    )
    .option('--seeds <from..to>', 'run with each of them, as in 1..5: means with their intervals')
    .option('--threads <count>', 'runs at a time (default: one for each core)')
    .option('--out <dir>', 'write summary.json, tables as CSV and report.html there')

async function list({ out, ...session }: Session): Promise<void> {
  const simulator = await simulatorOf(session)
  const scenarios = await simulator.list()
  await out.results(scenarios, out => showScenarios(scenarios, out))
}

async function run(session: Session, args: RunArgs, what: string): Promise<number> {
  const options = optionsOf(session, args, what)
  const simulator = await simulatorOf(session)
  return await show(session, await simulator.run(options))
}

async function sweep(session: Session, args: RunArgs, what: string): Promise<number> {
  const { shard, queue: url, lease } = args
  const leaseMs = parseDuration(lease ?? '1m')
  if (leaseMs < leaseMsMin) throw usage('a lease of less than a second is lost by breathing')
  if (lease !== undefined && url === undefined) throw usage('--lease is about a --queue')
  const queue = url === undefined ? undefined : { url, leaseMs }
  const options = { ...optionsOf(session, args, what), shard, queue }
  const simulator = await simulatorOf(session)
  return await show(session, await simulator.sweep(options))
}

async function report(session: Session, args: ReportArgs, folder: string): Promise<number> {
  const table = args.table?.split(',').map(column => column.trim())
  const plot = plotOf(args)
  const simulator = await simulatorOf(session)
  const { queue: url, sweep: name } = args
  if (url !== undefined) await simulator.fetch(folder, { url, name, signal: session.signal })
  else if (name !== undefined) throw usage('--sweep is about a --queue')
  const done = await simulator.report(folder)
  if (!table && !plot) return await show(session, done)
  const shown = await simulator.show(folder, { table, plot })
  const { out } = session
  await out.result(shown, () => shown.table ?? `written to ${line(shown.svg!)}`)
  return 0
}

function plotOf({ plot, svg }: ReportArgs): SimShow['plot'] {
  if (plot === undefined && svg === undefined) return undefined
  const [x, y, by, ...more] = plot?.split(':') ?? []
  if (!x || !y || svg === undefined || more.length > 0)
    throw usage('a plot takes both of --plot x:y and --svg file', 'x is often a path of the grid.')
  return { x, y, line: by, svg }
}

async function compare(session: Session, _: object, a: string, b: string): Promise<void> {
  const simulator = await simulatorOf(session)
  const compared = await simulator.compare(a, b)
  await session.out.results(compared, out => showCompared(compared, out))
}

async function replay(
  session: Session,
  { at, event, run, variant, dump, requests = false }: ReplayArgs,
  folder: string
): Promise<void> {
  const { out, signal } = session
  if (at === undefined && event === undefined) throw usage('up to when? --at 12h, or --event 5000')
  const until =
    at === undefined ? { events: parseCount(event!, 1, 1e15) } : { atMs: parseDuration(at) }
  const simulator = await simulatorOf(session)
  const replayed = await simulator.replay({
    folder,
    run,
    variant,
    until,
    ...{ dump: dump ?? null, requests, signal },
    print: note => out.line(json(note)),
    warn: out.note,
    onProgress: progressOf(session)
  })
  const { same, traceHash } = replayed
  await out.result(replayed, ({ style }) =>
    same === 'run'
      ? style.good(`the same run: ${traceHash}`)
      : `the same plan: ${traceHash}; real processes did it anew`
  )
}

interface ReplayArgs {
  at?: string
  event?: string
  run?: string
  variant?: string
  dump?: string
  requests?: boolean
}

const simulatorOf = async ({ doors }: Pick<Session, 'doors'>): Promise<Simulator> =>
  (await doors()).simulator()

function optionsOf(session: Session, args: RunArgs, what: string): SimRunOptions {
  const { nodes, hours, scale, seed, seeds, threads, out = null } = args
  if (seed !== undefined && seeds !== undefined)
    throw usage('--seed and --seeds exclude each other')
  return {
    what,
    changes: {
      ...(nodes !== undefined && { nodes: parseCount(nodes, 2, nodesMax) }),
      ...(hours !== undefined && { hours: parseHours(hours) }),
      ...(scale !== undefined && { scale })
    },
    seeds: seed ?? seeds,
    threads: threads === undefined ? undefined : parseCount(threads, 1, 1_024),
    out,
    onProgress: progressOf(session),
    signal: session.signal
  }
}

function parseHours(text: string): number {
  const hours = Number(text)
  if (/^\d{1,7}(\.\d{1,6})?$/.test(text) && hours > 0) return hours
  throw usage(`'${text}' is no number of hours`, 'Write for example 24 or 0.5.')
}

/** A line each time a twentieth more is done. */
function progressOf({ out }: Session): (progress: SimProgress) => void {
  let told = -1
  return progress => {
    const step = Math.floor(progress.share * 20)
    if (step <= told) return
    told = step
    out.note(showProgress(progress))
  }
}

/** @returns the exit status */
async function show({ out }: Session, done: SimDone): Promise<number> {
  await out.result(done, out => showDone(done, out))
  return done.violations.length > 0 ? brokenStatus : 0
}
