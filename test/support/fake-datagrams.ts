import type { DatagramDoor, Datagrams } from '../../src/base/ports.ts'
import type { DatagramOutcome, Measure } from '../../src/pod/measure.ts'
import { noMeasure } from '../../src/pod/measure.ts'

/** Datagrams within one process: what is sent to a port is there at once. */
export interface FakeDatagrams {
  readonly sender: Datagrams
  /** All that was sent. */
  readonly sent: { address: string; port: number; bytes: Uint8Array }[]
  door(port: number): DatagramDoor
  /** From a network that is said. */
  throwAt(port: number, bytes: Uint8Array, network?: string): void
}

export function fakeDatagrams(): FakeDatagrams {
  const takers = new Map<number, (bytes: Uint8Array, network: string) => void>()
  const sent: FakeDatagrams['sent'] = []
  const throwAt: FakeDatagrams['throwAt'] = (port, bytes, network = '192.0.2') =>
    takers.get(port)?.(bytes.slice(), network)
  return {
    sent,
    throwAt,
    door: port => ({ port, accept: take => void takers.set(port, take) }),
    sender: {
      send(address, port, bytes) {
        sent.push({ address, port, bytes })
        throwAt(port, bytes)
      }
    }
  }
}

/** Counts what became of datagrams. */
export interface DatagramCounts {
  readonly measure: Measure
  count(outcome: DatagramOutcome): number
  /** Resolves when so many of them were judged so. */
  has(outcome: DatagramOutcome, count: number): Promise<void>
}

export function countDatagrams(): DatagramCounts {
  const counts = new Map<DatagramOutcome, number>()
  const waiting = new Set<() => void>()
  const count = (outcome: DatagramOutcome) => counts.get(outcome) ?? 0
  const has = async (outcome: DatagramOutcome, wanted: number): Promise<void> => {
    while (count(outcome) < wanted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      await promise
      waiting.delete(resolve)
    }
  }
  return {
    count,
    has,
    measure: {
      ...noMeasure,
      datagram(outcome) {
        counts.set(outcome, count(outcome) + 1)
        for (const resolve of waiting) resolve()
      }
    }
  }
}
