import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Each byte that comes or goes leaves some six copies behind, so this is 6 MiB of them. */
const everyBytes = 1024 * 1024

/**
 * Gives the buffers back that what is sent and received leaves behind. V8 itself waits until they are 64 MiB, since it sees the small objects that hold them and
 * not what they hold; most are dead long before, and to collect the young among its objects takes a millisecond or two. What it saves: docs/benchmarks.md
 */
export function createBufferCollector(): (bytes: number) => void {
  let sinceBytes = 0
  let collect: ((o: { type: 'minor' }) => void) | undefined
  return bytes => {
    sinceBytes += bytes
    if (sinceBytes < everyBytes) return
    sinceBytes = 0
    collect ??= collector()
    collect({ type: 'minor' })
  }
}

/** A context that is made after the flag has it; who moves no megabyte never asks. */
function collector(): (o: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as (o: { type: 'minor' }) => void
}
