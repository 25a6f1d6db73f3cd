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
  example(net, 'muttr net up --story')
}

/** Its folders lie in the given home, or in a temporary one; never in `~/.muttr`. */
async function up(session: Session, options: NetArgs): Promise<void> {
  const { out, givenHome, signal } = session
  const [pods, seeds] = [parseCount(options.pods, 1, 8), parseCount(options.seeds, 0, 200)]
  const doors = await session.doors()
  const closed = new AbortController()
  await doors.runNeighbourhood({
    pods,
    seeds,
    home: givenHome,
    story: options.story ?? false,
    json: options.json ?? false,
    print: text => void out.line(text).catch(err => closed.abort(err)),
    signal: AbortSignal.any([signal, closed.signal])
  })
  if (closed.signal.aborted && !(closed.signal.reason instanceof OutputClosed))
    throw closed.signal.reason
}
