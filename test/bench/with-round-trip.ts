import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { SystemName } from './systems.ts'
import type { Row } from './table.ts'

const here = import.meta.dirname

/**
 * Runs a bench again, in a network namespace of its own whose loopback takes 25 ms each way. Needs root, iproute2, iptables, a C
 * compiler and libnetfilter-queue-dev.
 */
export async function withRoundTrip(
  bench: string,
  rounds: number,
  systems?: readonly SystemName[]
): Promise<Row[]> {
  const args = [
    '25',
    process.execPath,
    join(here, 'run.ts'),
    bench,
    '--json',
    '--rounds',
    `${rounds}`,
    ...(systems ? ['--systems', systems.join()] : [])
  ]
  const lines = await new Promise<string>((resolve, reject) => {
    const options = { maxBuffer: 2 ** 24 }
    execFile(join(here, 'netdelay/with-delay'), args, options, (err, stdout, stderr) =>
      err ? reject(new Error(`${err.message}\n${stderr}`)) : resolve(stdout)
    )
  })
  const rows = lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Row)
  return rows.map(row => ({ ...row, name: `50 ms round trip, ${row.name}` }))
}
